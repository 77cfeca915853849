//! The report for people: one HTML page that needs nothing beside it, and the
//! same tables as Markdown and for the terminal.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use base64::prelude::{Engine, BASE64_STANDARD};

use super::measure::{Answers, Compared, Comparison, Spread};
use crate::evaluate::tasks::TaskScores;
use crate::plots;
use crate::report::Table;

/// A table with a heading and a sentence that says how to read it.
struct Sheet {
    heading: &'static str,
    reads: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A picture in the folder of the report.
pub struct Picture {
    heading: &'static str,
    reads: &'static str,
    file: &'static str,
}

const GAINS: Picture = Picture {
    heading: "Gain over the baseline",
    reads: "Average mAP less the baseline's, in points, with its 95 % interval over the patients.",
    file: "gains.png",
};
const CLASSES: Picture = Picture {
    heading: "Gain by class",
    reads:
        "Average precision of the best method less the baseline's, in points, from the class with \
            most training photographs down within each group (HKGL figure 12).",
    file: "classes.png",
};
const CURVES: Picture = Picture {
    heading: "Validation by epoch",
    reads:
        "mAP on the validation photographs after each epoch, the mean over the seeds, beside the \
            baseline's in grey.",
    file: "curves.png",
};

/// Draws the pictures into `folder`.
pub fn draw(comparison: &Comparison, folder: &Path) -> Result<Vec<Picture>> {
    plots::gains(comparison, &folder.join(GAINS.file))?;
    plots::class_gains(comparison, comparison.best(), &folder.join(CLASSES.file))?;
    plots::methods(comparison, &folder.join(CURVES.file))?;
    Ok(vec![GAINS, CLASSES, CURVES])
}

impl Comparison {
    /// The method with the highest average; of equals the first.
    pub fn best(&self) -> usize {
        let average = |method: &Compared| method.average.mean.unwrap_or(0.0);
        (0..self.methods.len())
            .rev()
            .max_by(|&a, &b| average(&self.methods[a]).total_cmp(&average(&self.methods[b])))
            .unwrap_or(self.baseline)
    }

    fn heading(&self) -> String {
        format!("Methods compared: {}", self.name)
    }

    /// What was compared, in one paragraph.
    fn preface(&self) -> String {
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let mut text = format!(
            "{} methods, {} (seeds {}), judged by {} {} photographs of {} patients at {} pixels.",
            self.methods.len(),
            match self.seeds.len() {
                1 => "one training each".to_owned(),
                n => format!("{n} trainings each"),
            },
            seeds.join(", "),
            self.photographs,
            self.split,
            self.patients,
            self.size
        );
        if !self.left_out.is_empty() {
            let _ = write!(
                text,
                " No photograph of the split shows {}: no number speaks of them.",
                self.left_out.join(", ")
            );
        }
        text
    }

    fn sheets(&self) -> Vec<Sheet> {
        let mut sheets = vec![self.groups(), self.parents(), self.answers()];
        sheets.extend(self.tasks());
        sheets.push(self.costs());
        sheets
    }

    /// Of the networks of several tasks, where there are any.
    fn tasks(&self) -> Option<Sheet> {
        let rows: Vec<Vec<String>> = self
            .methods
            .iter()
            .filter_map(|method| {
                let mut cells = vec![method.name.clone()];
                cells.extend(method.tasks?.cells());
                Some(cells)
            })
            .collect();
        let mut header = words(&["method"]);
        header.extend(words(&TaskScores::HEADER));
        (!rows.is_empty()).then(|| Sheet {
            heading: "Diseases, findings and words",
            reads: "Of the networks of several tasks (MTL-KD tables 3 to 5), in percent: the \
                    likeliest disease is there, the likeliest finding is, one of the five \
                    likeliest findings is; and BLEU of the captions, by the likeliest word each \
                    time or by a beam of three."
                .to_owned(),
            header,
            rows,
        })
    }

    fn groups(&self) -> Sheet {
        let row = |(place, method): (usize, &Compared)| {
            let gain = match &method.gain {
                None if place == self.baseline => "baseline".to_owned(),
                None => "-".to_owned(),
                Some(gain) => {
                    let interval = gain
                        .interval
                        .map(|i| format!(" ({:+.1} to {:+.1})", 100.0 * i.low, 100.0 * i.high));
                    format!("{:+.1}{}", 100.0 * gain.value, interval.unwrap_or_default())
                }
            };
            vec![
                method.name.clone(),
                spread(method.many),
                spread(method.medium),
                spread(method.few),
                spread(method.average),
                gain,
            ]
        };
        Sheet {
            heading: "mAP by shot group",
            reads: format!(
                "In percent: the mean over the seeds and, after it, their standard deviation; the \
                 classes are grouped by their training photographs. The gain in average mAP is over \
                 {}, with the 95 % interval of {} draws of patients.",
                self.methods[self.baseline].name, self.draws
            ),
            header: words(&["method", "many", "medium", "few", "average", "gain"]),
            rows: self.methods.iter().enumerate().map(row).collect(),
        }
    }

    fn parents(&self) -> Sheet {
        let parents: BTreeSet<&String> =
            self.methods.iter().flat_map(|m| m.parents.keys()).collect();
        let mut header = words(&["method"]);
        header.extend(parents.iter().map(|parent| parent.to_string()));
        let row = |method: &Compared| {
            let mut cells = vec![method.name.clone()];
            let value = |parent: &&String| match method.parents.get(*parent) {
                Some(map) => format!("{:.1}", 100.0 * map),
                None => "-".to_owned(),
            };
            cells.extend(parents.iter().map(value));
            cells
        };
        Sheet {
            heading: "mAP by parent",
            reads: "In percent, the mean over the classes below each disease (HKGL table VIII)."
                .to_owned(),
            header,
            rows: self.methods.iter().map(row).collect(),
        }
    }

    fn answers(&self) -> Sheet {
        let row = |method: &Compared| {
            let share = |of: fn(&Answers) -> Option<f64>| match method.answers.as_ref().and_then(of)
            {
                Some(share) => format!("{:.1}", 100.0 * share),
                None => "-".to_owned(),
            };
            vec![
                method.name.clone(),
                share(|answers| Some(answers.right)),
                share(|answers| Some(answers.shifted)),
                share(|answers| Some(answers.wrong)),
                share(Answers::shifted_share),
            ]
        };
        Sheet {
            heading: "The likeliest class",
            reads: "Of the photographs that show a disease, in percent: the likeliest class is there, \
                    only a sister of it is (a shifted prediction, HKGL section V-F), or neither; and \
                    how many of the wrong ones are shifted."
                .to_owned(),
            header: words(&["method", "right", "shifted", "wrong parent", "shifted of wrong"]),
            rows: self.methods.iter().map(row).collect(),
        }
    }

    fn costs(&self) -> Sheet {
        let row = |method: &Compared| {
            vec![
                method.name.clone(),
                method.kind.clone(),
                format!("{:.1}", method.seconds / 60.0),
            ]
        };
        Sheet {
            heading: "Training",
            reads:
                "Minutes per seed, the stages that a method needs included; stages that several \
                    methods need are trained once and counted for each."
                    .to_owned(),
            header: words(&["method", "kind", "minutes"]),
            rows: self.methods.iter().map(row).collect(),
        }
    }

    /// For the terminal: the first table.
    pub fn to_text(&self) -> String {
        let sheet = self.groups();
        let header: Vec<&str> = sheet.header.iter().map(String::as_str).collect();
        let mut table = Table::new(&header);
        for row in sheet.rows {
            table.row(row);
        }
        format!("{}\n{}", self.preface(), table.to_text())
    }

    /// All tables and the pictures beside it.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", self.heading(), self.preface());
        for sheet in self.sheets() {
            let _ = write!(text, "\n## {}\n\n{}\n\n", sheet.heading, sheet.reads);
            text.push_str(&markdown(&sheet));
        }
        for picture in [GAINS, CLASSES, CURVES] {
            let _ = write!(
                text,
                "\n## {}\n\n{}\n\n![{}]({})\n",
                picture.heading, picture.reads, picture.heading, picture.file
            );
        }
        text
    }
}

/// Columns as wide as their widest cell, numbers to the right.
fn markdown(sheet: &Sheet) -> String {
    let rows = || std::iter::once(&sheet.header).chain(&sheet.rows);
    let width = |column: usize| {
        let cells = rows().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
            .max(3)
    };
    let widths: Vec<usize> = (0..sheet.header.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut text = String::from("|");
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, " {cell:<width$} |"),
                _ => write!(text, " {cell:>width$} |"),
            };
        }
        text + "\n"
    };
    let mut text = line(&sheet.header);
    for (column, &width) in widths.iter().enumerate() {
        text.push_str(if column == 0 { "|" } else { "" });
        let _ = match column {
            0 => write!(text, "{}|", "-".repeat(width + 2)),
            _ => write!(text, "{}:|", "-".repeat(width + 1)),
        };
    }
    text.push('\n');
    sheet.rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

const STYLE: &str =
    "body{font:16px/1.5 system-ui,sans-serif;color:#282828;max-width:72rem;margin:2rem \
auto;padding:0 1rem}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem \
.75rem;text-align:right;border-bottom:1px solid #e4e4e4;font-variant-numeric:tabular-nums}\
td:first-child,th:first-child{text-align:left}img{max-width:100%}.best{font-weight:bold}\
.confusion td{padding:.1rem .3rem;font-size:12px;border:1px solid #f0f0f0;min-width:1.4rem}\
.confusion th{font-size:12px;padding:.1rem .3rem;border:0}.scroll{overflow-x:auto}";

/// The page. It holds its pictures and no script.
pub fn html(comparison: &Comparison, pictures: &[(Picture, Vec<u8>)]) -> Result<String> {
    let heading = escaped(&comparison.heading());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{heading}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n\
         <p>{}</p>\n",
        escaped(&comparison.preface())
    );
    let best = &comparison.methods[comparison.best()];
    for sheet in comparison.sheets() {
        write!(
            page,
            "<h2>{}</h2>\n<p>{}</p>\n<div class=\"scroll\"><table>\n<thead><tr>",
            escaped(sheet.heading),
            escaped(&sheet.reads)
        )?;
        for cell in &sheet.header {
            write!(page, "<th>{}</th>", escaped(cell))?;
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for row in &sheet.rows {
            let class = match row[0] == best.name {
                true => " class=\"best\"",
                false => "",
            };
            write!(page, "<tr{class}>")?;
            for cell in row {
                write!(page, "<td>{}</td>", escaped(cell))?;
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table></div>\n");
    }
    for (picture, png) in pictures {
        write!(
            page,
            "<h2>{}</h2>\n<p>{}</p>\n<img alt=\"{}\" src=\"data:image/png;base64,{}\">\n",
            escaped(picture.heading),
            escaped(picture.reads),
            escaped(picture.heading),
            BASE64_STANDARD.encode(png)
        )?;
    }
    page.push_str(
        "<h2>Confusion</h2>\n<p>Photographs that show one class, over all seeds: that class by rows, \
         the likeliest class by columns. Darker lines are around sisters, which share a parent.</p>\n",
    );
    let baseline = &comparison.methods[comparison.baseline];
    confusion(&mut page, comparison, baseline)?;
    if best.name != baseline.name {
        confusion(&mut page, comparison, best)?;
    }
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

/// Reads the pictures that [`draw`] wrote.
pub fn read(pictures: Vec<Picture>, folder: &Path) -> Result<Vec<(Picture, Vec<u8>)>> {
    let read = |picture: Picture| {
        let path = folder.join(picture.file);
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((picture, bytes))
    };
    pictures.into_iter().map(read).collect()
}

/// The classes by their parents, so that sisters are neighbours as far as one row allows.
fn confusion(page: &mut String, comparison: &Comparison, method: &Compared) -> Result<()> {
    let classes = &comparison.classes;
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|&class| &classes[class].parents);
    write!(
        page,
        "<h3>{}</h3>\n<div class=\"scroll\"><table class=\"confusion\">\n<thead><tr><th></th>",
        escaped(&method.name)
    )?;
    for place in 1..=order.len() {
        write!(page, "<th>{place}</th>")?;
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (place, &truth) in order.iter().enumerate() {
        let row = &method.confusion[truth];
        let all = f64::from(row.iter().sum::<u32>().max(1));
        write!(
            page,
            "<tr><th>{} {}</th>",
            place + 1,
            escaped(&classes[truth].name)
        )?;
        for &said in &order {
            let count = row[said];
            let sister = classes[said].is_sister(&classes[truth]);
            let colour = match (said == truth, sister) {
                (true, _) => "0,114,178",
                (_, true) => "230,159,0",
                _ => "213,94,0",
            };
            let shade = f64::from(count) / all;
            let border = match sister || said == truth {
                true => ";border-color:#888",
                false => "",
            };
            let text = if count > 0 {
                count.to_string()
            } else {
                String::new()
            };
            write!(
                page,
                "<td style=\"background:rgba({colour},{shade:.2}){border}\">{text}</td>"
            )?;
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    Ok(())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

/// `52.1 ±0.8`, in percent.
fn spread(spread: Spread) -> String {
    match (spread.mean, spread.deviation) {
        (None, _) => "-".to_owned(),
        (Some(mean), None) => format!("{:.1}", 100.0 * mean),
        (Some(mean), Some(deviation)) => {
            format!("{:.1} \u{b1}{:.1}", 100.0 * mean, 100.0 * deviation)
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::measure::tests::comparison;

    fn page() -> (tempfile::TempDir, Comparison, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut comparison = comparison();
        comparison.name = "a <b> & \"c\"".to_owned();
        let pictures = draw(&comparison, folder.path()).expect("drawn");
        let pictures = read(pictures, folder.path()).expect("read");
        let page = html(&comparison, &pictures).expect("a page");
        (folder, comparison, page)
    }

    #[test]
    fn the_page_holds_every_method_and_picture_and_needs_nothing_beside_it() {
        let (_folder, comparison, page) = page();
        for method in &comparison.methods {
            // Once in each of the four tables, and above its confusion.
            assert!(page.matches(&method.name).count() >= 5, "{}", method.name);
        }
        assert_eq!(page.matches("data:image/png;base64,").count(), 3);
        assert!(page.contains("a &lt;b&gt; &amp; &quot;c&quot;"));
        assert!(!page.contains("http") && !page.contains("<script"));
        for tag in ["table", "tr", "td", "th", "h2", "p"] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn classes_with_any_parent_in_common_are_sisters_in_the_confusion() {
        let mut comparison = comparison();
        for (n, class) in comparison.classes.iter_mut().enumerate() {
            class.parents = vec![format!("parent {n:02}")];
        }
        for class in [0, 3] {
            comparison.classes[class].parents.push("both".to_owned());
        }
        let mut table = String::new();
        confusion(&mut table, &comparison, &comparison.methods[0]).expect("a table");
        // Every class with itself, and the two with each other.
        let dark = table.matches("border-color:#888").count();
        assert_eq!(dark, comparison.classes.len() + 2);
    }

    #[test]
    fn markdown_has_the_same_tables() {
        let comparison = comparison();
        let text = comparison.to_markdown();
        let rows = text.lines().filter(|line| line.starts_with("| HKGL"));
        // Groups, parents, answers, tasks and training.
        assert_eq!(rows.count(), 5);
        for line in text.lines().filter(|line| line.starts_with('|')) {
            assert!(line.ends_with('|'));
        }
        assert!(text.contains("![Gain by class](classes.png)"));
        assert!(comparison.to_text().contains("baseline"));
    }

    /// What a reader's browser makes of the page: no word in its console, every
    /// picture with a size, every table with rows.
    #[test]
    fn a_browser_shows_the_page_without_a_complaint() {
        let browsers = ["chromium", "chromium-browser", "google-chrome"];
        let there = |name: &&&str| {
            let asked = std::process::Command::new(name).arg("--version").output();
            asked.is_ok_and(|asked| asked.status.success())
        };
        let Some(browser) = browsers.iter().find(there) else {
            eprintln!("skipped: no {} is installed", browsers.join(", no "));
            return;
        };
        let (folder, _, page) = page();
        // Asks the page itself, as a reader would look.
        let ask = "<script>addEventListener('load',()=>{const n=(s)=>document.querySelectorAll(s);\
            document.title=[...n('img')].filter(i=>i.naturalWidth>100).length+' pictures '+\
            [...n('table')].filter(t=>t.rows.length>2&&t.offsetHeight>40).length+' tables'})</script>";
        let path = folder.path().join("page.html");
        std::fs::write(&path, page.replace("</body>", &format!("{ask}</body>"))).expect("written");
        let shown = std::process::Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .args([
                "--enable-logging=stderr",
                "--v=0",
                "--virtual-time-budget=5000",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("user").display()
            ))
            .arg(format!("file://{}", path.display()))
            .output()
            .expect("started");
        let dom = String::from_utf8_lossy(&shown.stdout);
        let log = String::from_utf8_lossy(&shown.stderr);
        assert!(
            dom.contains("<title>3 pictures 6 tables</title>"),
            "{dom:.2000}"
        );
        assert!(!log.contains("CONSOLE"), "{log}");
    }
}
