//! Which findings of a record are shown beside a photograph, and in which
//! order: on a screen and in a picture alike.

use fovea_core::taxonomy::{Level, Subject, Taxonomy};

use crate::grade::record::Record;

/// One line: a disease, or a finding under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Index into the record's findings and the taxonomy's nodes.
    pub(crate) node: usize,
    pub(crate) child: bool,
    /// Whether it stands above its operating point in a photograph that can be
    /// graded: nothing found in a refused one may look like a result.
    pub(crate) stands: bool,
    /// Whether the finding is good news, as that of a normal fundus is.
    pub(crate) harmless: bool,
}

/// As many rows as there is room for, and what had to be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) rows: Vec<Row>,
    /// Diseases without a row, and how many of them are positive.
    pub(crate) left: usize,
    pub(crate) left_positive: usize,
}

/// The rows of a record in `room` lines, positive diseases first and of these
/// the one furthest above its operating point. Where something is left out, one
/// line is kept free to say so.
pub(crate) fn listed(record: &Record, taxonomy: &Taxonomy, room: usize) -> Listed {
    let mut blocks = blocks(record, taxonomy);
    let positive = blocks.iter().take_while(|block| rank(record, block).0);
    if positive.map(Vec::len).sum::<usize>() >= room {
        // Where much is positive, what is not makes way for it.
        for block in &mut blocks {
            block.retain(|row| !row.child || row.stands);
        }
    }
    let mut listed = Listed::default();
    for (i, block) in blocks.iter().enumerate() {
        let last = i + 1 == blocks.len();
        if listed.rows.len() + block.len() + usize::from(!last) > room {
            let left = &blocks[i..];
            listed.left = left.len();
            listed.left_positive = left.iter().filter(|block| rank(record, block).0).count();
            break;
        }
        listed.rows.extend(block);
    }
    listed
}

/// Diseases of the eye, each with its findings where they say more than it.
fn blocks(record: &Record, taxonomy: &Taxonomy) -> Vec<Vec<Row>> {
    let row = |node: usize, child: bool| {
        Some(Row {
            node,
            child,
            stands: record.findings.get(node)?.positive && record.gate.accepted,
            harmless: taxonomy.nodes().get(node)?.severity == 0,
        })
    };
    let mut blocks: Vec<Vec<Row>> = Vec::new();
    for disease in taxonomy.level(Level::Disease) {
        let node = &taxonomy.nodes()[disease];
        let (Subject::Eye, Some(head)) = (node.subject, row(disease, false)) else {
            continue;
        };
        let children: Vec<Row> = node.children.iter().filter_map(|&k| row(k, true)).collect();
        // Where nothing is positive the disease's own line is enough, and where
        // there is one finding that agrees with it too.
        let shown = match &children[..] {
            [only] => only.stands != head.stands,
            several => head.stands || several.iter().any(|child| child.stands),
        };
        let mut block = vec![head];
        if shown {
            block.extend(children);
        }
        blocks.push(block);
    }
    blocks.sort_by(|a, b| {
        let (a, b) = (rank(record, a), rank(record, b));
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    blocks
}

/// Whether anything in a block is positive, and how far its highest probability
/// lies above the operating point, as a quotient.
fn rank(record: &Record, block: &[Row]) -> (bool, f32) {
    let share = |row: &Row| record.findings[row.node].nearness();
    (
        block.iter().any(|row| row.stands),
        block.iter().map(share).fold(0.0, f32::max),
    )
}
