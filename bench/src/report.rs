//! The measured figures as docs/benchmarks.md and docs/benchmarks.png.

use std::path::Path;

use anyhow::Result;
use fovea_bench::chart::{Bar, Group};
use fovea_bench::page;
use fovea_bench::table::Table;

use crate::engines::Measured;
use crate::grading::Graded;

const NAME: &str = "benchmarks";
const TITLE: &str = "Time as a multiple of Fovea's, one core; shorter is faster";

const OPENING: &str = "\
# Benchmarks

Written by `cargo xtask bench`, which repeats them on the machine at hand; nothing here is written
by hand. All programs run on one core, pinned, one thread each, in turn: a round gives every one a
few runs, so that whatever else the machine does hits all alike. The least time is the one that was
disturbed least. *x Fovea* are times as multiples of Fovea's: of the least times, and in brackets
what the middle half of the rounds lies between. Above 1, Fovea is faster.

![Times as multiples of Fovea's](benchmarks.png)
";

const NETS: &str = "
## One photograph through a network

Input and output are memory; reading and preparing the photograph are not counted. The call from
Python is counted for ONNX Runtime and OpenVINO: some hundredths of a millisecond. The shipped
student has its trained weights, all others have random ones (`bench/python/nets.py`), 27 outputs
and their activation maps, as a student has. Every engine must give the same logits as the first, to
rounding; *apart* is the largest difference, as a share of the largest logit.

Fovea is timed with its kernels for each kind of processor that this one is. ONNX Runtime chooses
its own by the processor and cannot be told otherwise: on a processor with AVX-512 it has no AVX2
row to stand beside Fovea's. OpenVINO is held to 32-bit floats, since on processors with AMX it would
else compute in bfloat16.

Where the processor multiplies bfloat16, Fovea and OpenVINO each have a row of that too. It is
another arithmetic, so that it need not give the same logits and is never the row that the others are
compared with. Fovea multiplies bfloat16 in pointwise convolutions, but for the last, which makes the
maps, and floats in all others: ResNet-18 and 34 have hardly any pointwise ones.

";

const GRADING: &str = "
## From photographs to verdicts

Whole programs on a folder of drawn eyes (crate `render`). *First* is from the start of the program
to the end of a first photograph alone, *each* what one photograph more takes: what the whole folder
takes beyond the least of *first*, shared among the others. The Python program
(`bench/python/grade.py`) reads with OpenCV, large photographs at a half, a quarter or an eighth of
their size by the same rule as Fovea; it finds the field, cuts and resamples it, and runs the student
in ONNX Runtime. It neither asks whether the photograph can be judged nor decides anything, which
Fovea does. Where the processor multiplies bfloat16, `fovea grade` runs the student so, and again in
floats where the verdict could depend on that; `--engine float` runs it in floats alone.

";

/// Writes both into the folder `out`.
pub fn write(out: &Path, machine: &Table, nets: &[Measured], graded: &[Graded]) -> Result<()> {
    let text = markdown(machine, nets, graded);
    page::write(out, NAME, &text, TITLE, &groups(nets, graded))
}

fn markdown(machine: &Table, nets: &[Measured], graded: &[Graded]) -> String {
    let mut engines = Table::new(
        &[
            "network",
            "engine",
            "least ms",
            "median ms",
            "x Fovea",
            "apart",
        ],
        2,
    );
    for network in nets {
        for row in &network.rows {
            engines.row(vec![
                network.network.clone(),
                row.engine.clone(),
                format!("{:.2}", row.times.least()),
                format!("{:.2}", row.times.median()),
                row.times.ratio_to(&network.rows[0].times).to_string(),
                format!("{:.0e}", row.apart),
            ]);
        }
    }
    let mut programs = Table::new(
        &[
            "photographs",
            "program",
            "each, least ms",
            "each, median ms",
            "x Fovea",
            "first, least ms",
        ],
        2,
    );
    for folder in graded {
        for row in &folder.rows {
            programs.row(vec![
                folder.photographs.clone(),
                row.program.to_owned(),
                format!("{:.1}", row.each.least()),
                format!("{:.1}", row.each.median()),
                row.each.ratio_to(&folder.rows[0].each).to_string(),
                format!("{:.0}", row.first.least()),
            ]);
        }
    }
    [
        OPENING,
        "\n",
        &machine.to_markdown(),
        NETS,
        &engines.to_markdown(),
        GRADING,
        &programs.to_markdown(),
    ]
    .concat()
}

fn groups(nets: &[Measured], graded: &[Graded]) -> Vec<Group> {
    let engines = nets.iter().map(|network| Group {
        title: network.network.clone(),
        bars: network
            .rows
            .iter()
            .map(|row| Bar::of(&row.engine, &row.times, &network.rows[0].times))
            .collect(),
    });
    let programs = graded.iter().map(|folder| Group {
        title: format!("photograph to verdict: {}", folder.photographs),
        bars: folder
            .rows
            .iter()
            .map(|row| Bar::of(row.program, &row.each, &folder.rows[0].each))
            .collect(),
    });
    engines.chain(programs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines;
    use fovea_bench::times::Times;

    fn times(all: &[f64]) -> Times {
        let mut times = Times::default();
        for &time in all {
            times.push(vec![time]);
        }
        times
    }

    #[test]
    fn the_first_engine_is_what_all_are_compared_with() {
        let row = |engine: &str, all: &[f64]| engines::Row {
            engine: engine.to_owned(),
            times: times(all),
            apart: 0.0,
        };
        let nets = [Measured {
            network: "net".to_owned(),
            rows: vec![row("own", &[2.0, 2.0, 4.0]), row("other", &[3.0, 3.0, 8.0])],
        }];
        let mut machine = Table::new(&["machine", ""], 2);
        machine.row(vec!["cores".to_owned(), "2".to_owned()]);
        let text = markdown(&machine, &nets, &[]);
        assert!(text.contains("| cores   | 2"), "{text}");
        assert!(text.contains("1.00 (1.00 to 1.00)"), "{text}");
        assert!(text.contains("1.50 (1.50 to 1.75)"), "{text}");
        let groups = groups(&nets, &[]);
        assert_eq!(groups[0].bars[1].ratio.least, 1.5);
    }
}
