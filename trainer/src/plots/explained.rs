//! Photographs with what a network makes of them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use fovea_core::taxonomy::Label;
use image::imageops::{self, FilterType};
use image::RgbImage;
use plotters::element::BitMapElement;
use plotters::prelude::*;

use super::canvas::{self, drawing, px, Area, BLUE, GRID, INK, MUTED, VERMILION};
use crate::explain::{Answer, Evidence, Explained, FeatureMap};

/// Side of a photograph on the sheet, and the room for a line below it.
const PICTURE: u32 = 190;
const LINE: u32 = 26;
const GAP: u32 = 10;
/// Likeliest classes beside each photograph.
const COLUMNS: u32 = 4;

/// A row per photograph: as it is, then what speaks for each of its likeliest
/// classes. Classes that are there are blue, those that are known not to be
/// vermilion.
pub fn contact_sheet(photographs: &[Explained], path: &Path) -> Result<()> {
    let cell = (PICTURE + GAP, PICTURE + 2 * LINE);
    let size = (
        COLUMNS * cell.0 + GAP,
        cell.1 * photographs.len().max(1) as u32 + GAP,
    );
    canvas::save(path, size, |area| {
        for (row, shown) in photographs.iter().enumerate() {
            let top = GAP + row as u32 * cell.1;
            picture(area, &shown.photograph, (GAP, top))?;
            let truth = match shown.truth.is_empty() {
                true => "nothing known".to_owned(),
                false => shown.truth.join(", "),
            };
            let name = shown.name.rsplit('/').next().unwrap_or_default();
            line(area, (GAP, top + PICTURE + 2), name, MUTED)?;
            line(area, (GAP, top + PICTURE + LINE - 4), &truth, INK)?;
            for (column, (answer, evidence)) in shown.classes.iter().enumerate() {
                let left = GAP + (column as u32 + 1) * cell.0;
                let heated = heated(&shown.photograph, evidence)?;
                picture(area, &heated, (left, top))?;
                let said = format!("{} {:.2}", answer.name, answer.probability);
                line(area, (left, top + PICTURE + 2), &said, colour(answer))?;
            }
        }
        Ok(())
    })
}

fn colour(answer: &Answer) -> RGBColor {
    match answer.label {
        Label::Present => BLUE,
        Label::Absent => VERMILION,
        Label::Unknown => MUTED,
    }
}

/// A line of text, cut where the next column begins.
fn line(area: &Area, (left, top): (u32, u32), words: &str, colour: RGBColor) -> Result<()> {
    let short: String = match words.chars().count() > 28 {
        true => words.chars().take(27).chain(['…']).collect(),
        false => words.to_owned(),
    };
    let at = (px(left) as i32, px(top) as i32);
    area.draw_text(&short, &canvas::text(14, colour), at)
        .map_err(drawing)
}

fn picture(area: &Area, photograph: &RgbImage, (left, top): (u32, u32)) -> Result<()> {
    let side = px(PICTURE);
    let large = imageops::resize(photograph, side, side, FilterType::Triangle);
    let place = (px(left) as i32, px(top) as i32);
    let element = BitMapElement::with_owned_buffer(place, (side, side), large.into_raw())
        .context("a photograph has three bytes a pixel")?;
    area.draw(&element).map_err(drawing)
}

/// The photograph greyed, and in warm colours where the evidence is.
fn heated(photograph: &RgbImage, evidence: &Evidence) -> Result<RgbImage> {
    let side = u32::try_from(evidence.side)?;
    let bytes = evidence.values.iter().map(|v| (255.0 * v).round() as u8);
    let small = image::GrayImage::from_raw(side, side, bytes.collect())
        .context("evidence is a square map")?;
    let (width, height) = photograph.dimensions();
    let large = imageops::resize(&small, width, height, FilterType::Triangle);
    Ok(RgbImage::from_fn(width, height, |x, y| {
        let image::Rgb([r, g, b]) = *photograph.get_pixel(x, y);
        let heat = f32::from(large.get_pixel(x, y).0[0]) / 255.0;
        let grey = 0.5 * f32::from(r) + 0.4 * f32::from(g) + 0.1 * f32::from(b);
        // From the grey photograph to yellow through red.
        let mix = |warm: f32| (grey * (1.0 - 0.7 * heat) + 0.7 * heat * warm).round() as u8;
        image::Rgb([mix(255.0), mix(230.0 * heat * heat), mix(0.0)])
    }))
}

const BARS: u32 = 430;
const BAR: u32 = 24;

/// Of every photograph the likeliest classes and those that are there and were
/// missed, then the same of the diseases.
pub fn probabilities(photographs: &[Explained], path: &Path) -> Result<()> {
    let columns = 2;
    let lines = |shown: &Explained| shown.classes.len() + shown.missed.len() + shown.parents.len();
    let most = photographs.iter().map(lines).max().unwrap_or_default() as u32;
    let height = PICTURE.max((most + 1) * BAR);
    let cell = (PICTURE + BARS + 3 * GAP, height + 2 * GAP);
    let rows = photographs.len().div_ceil(columns).max(1) as u32;
    let size = (cell.0 * columns as u32, cell.1 * rows);
    canvas::save(path, size, |area| {
        for (i, shown) in photographs.iter().enumerate() {
            let left = GAP + (i % columns) as u32 * cell.0;
            let top = GAP + (i / columns) as u32 * cell.1;
            picture(area, &shown.photograph, (left, top))?;
            let finest = shown.classes.iter().map(|(answer, _)| answer);
            let bars = left + PICTURE + GAP;
            for (k, answer) in finest.chain(&shown.missed).enumerate() {
                bar(area, (bars, top + k as u32 * BAR), answer)?;
            }
            let below = top + (shown.classes.len() + shown.missed.len() + 1) as u32 * BAR;
            for (k, answer) in shown.parents.iter().enumerate() {
                bar(area, (bars, below + k as u32 * BAR), answer)?;
            }
        }
        Ok(())
    })
}

fn bar(area: &Area, (left, top): (u32, u32), answer: &Answer) -> Result<()> {
    line(area, (left, top), &answer.name, INK)?;
    let begin = left + 230;
    let room = 140;
    let at = |x: u32, y: u32| (px(x) as i32, px(y) as i32);
    let full = Rectangle::new(
        [at(begin, top + 3), at(begin + room, top + 17)],
        GRID.filled(),
    );
    area.draw(&full).map_err(drawing)?;
    let length = (room as f32 * answer.probability.clamp(0.0, 1.0)).round() as u32;
    let said = Rectangle::new(
        [at(begin, top + 3), at(begin + length, top + 17)],
        colour(answer).filled(),
    );
    area.draw(&said).map_err(drawing)?;
    let number = format!("{:.2}", answer.probability);
    line(area, (begin + room + 8, top), &number, colour(answer))
}

const MAP: u32 = 620;
const LEGEND: u32 = 260;

/// One map of features per stage, coloured by disease.
pub fn feature_maps(maps: &[FeatureMap], path: &Path) -> Result<()> {
    let diseases: BTreeSet<&String> = maps
        .iter()
        .flat_map(|map| map.places.iter().map(|(disease, _)| disease))
        .collect();
    let hue = |disease: &String| {
        let place = diseases.iter().position(|d| *d == disease).unwrap_or(0);
        let share = place as f64 / diseases.len().max(1) as f64;
        // Neighbours of the alphabet also differ in lightness.
        HSLColor(share, 0.75, if place % 2 == 0 { 0.38 } else { 0.58 })
    };
    let size = (MAP * maps.len().max(1) as u32 + LEGEND, MAP + 40);
    canvas::save(path, size, |area| {
        for (k, map) in maps.iter().enumerate() {
            let left = k as u32 * MAP;
            let at = (px(left + 20) as i32, px(8) as i32);
            area.draw_text(&map.title, &canvas::bold(20, INK), at)
                .map_err(drawing)?;
            let values = |of: fn(&(f32, f32)) -> f32| {
                let places = map.places.iter().map(move |(_, place)| of(place));
                places.fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)))
            };
            let (xs, ys) = (values(|p| p.0), values(|p| p.1));
            let scaled = |v: f32, (low, high): (f32, f32)| {
                let share = (v - low) / (high - low).max(1e-6);
                (20.0 + share * (MAP as f32 - 40.0)) as u32
            };
            for (disease, (x, y)) in &map.places {
                let place = (
                    px(left + scaled(*x, xs)) as i32,
                    px(40 + scaled(*y, ys) * 19 / 20) as i32,
                );
                let dot = Circle::new(place, px(4), hue(disease).mix(0.8).filled());
                area.draw(&dot).map_err(drawing)?;
            }
        }
        let left = MAP * maps.len() as u32;
        for (k, disease) in diseases.iter().enumerate() {
            let top = 40 + k as u32 * LINE;
            let dot = (px(left + 12) as i32, px(top + 9) as i32);
            area.draw(&Circle::new(dot, px(6), hue(disease).filled()))
                .map_err(drawing)?;
            line(area, (left + 26, top), disease, INK)?;
        }
        Ok(())
    })
}
