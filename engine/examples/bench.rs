//! How fast the engines run a student, side by side.
//!
//! `bench ONNX SIZE OUTPUTS [ROUNDS]` runs every engine in turn on one thread,
//! so that whatever else the machine does hits all of them alike. Pin it to a
//! core (`taskset -c 1`), and believe the least time rather than the median
//! where others use the machine.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use fovea_engine::{Engine, Isa, Student};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [onnx, size, outputs, rounds @ ..] = &arguments[..] else {
        eprintln!("usage: bench ONNX SIZE OUTPUTS [ROUNDS]");
        std::process::exit(2);
    };
    let bytes = std::fs::read(onnx).expect("a student's file");
    let size: u32 = size.parse().expect("the side of the input in pixels");
    let outputs: usize = outputs.parse().expect("the number of outputs");
    let rounds: usize = rounds
        .first()
        .map_or(40, |rounds| rounds.parse().expect("a number of rounds"))
        .max(1);

    let plane = size as usize * size as usize;
    let input: Vec<f32> = (0..3 * plane)
        .map(|i| ((i % plane) as f32 * 0.37).sin() * 0.9)
        .collect();
    let kinds = Isa::bfloat16().into_iter().chain(Isa::available());
    let mut engines: Vec<Engine> = kinds.map(Engine::Own).collect();
    engines.push(Engine::Stock);
    let students: Vec<Student> = engines
        .iter()
        .map(|&engine| {
            let start = Instant::now();
            let student = Student::load_with(&bytes, size, outputs, engine).expect("a student");
            println!(
                "{:<14} ready in {:.1} ms",
                name(engine),
                ms(start.elapsed())
            );
            assert_eq!(student.engine(), engine, "a layer has no kernel");
            student
        })
        .collect();

    let mut peaks = vec![0.0f64; engines.len()];
    let mut times = vec![Vec::new(); engines.len()];
    let mut layers = vec![Vec::new(); engines.len()];
    for _ in 0..rounds {
        for (k, student) in students.iter().enumerate() {
            if let Engine::Own(isa) = engines[k] {
                peaks[k] = peaks[k].max(peak(isa));
            }
            let start = Instant::now();
            black_box(student.run(black_box(&input)).expect("an answer"));
            times[k].push(start.elapsed());
            let found = student.timed(&input);
            if layers[k].is_empty() {
                layers[k] = found;
            } else {
                for (least, found) in layers[k].iter_mut().zip(found) {
                    least.time = least.time.min(found.time);
                }
            }
        }
    }

    let stock = times[engines.len() - 1].iter().min().copied();
    let stock = stock.unwrap_or_default();
    println!(
        "\n{:<14} {:>9} {:>9} {:>9}",
        "", "least ms", "median", "x tract"
    );
    for (k, times) in times.iter_mut().enumerate() {
        times.sort();
        println!(
            "{:<14} {:>9.2} {:>9.2} {:>9.2}",
            name(engines[k]),
            ms(times[0]),
            ms(times[times.len() / 2]),
            ms(stock) / ms(times[0])
        );
    }
    for (k, layers) in layers.iter().enumerate().filter(|(_, l)| !l.is_empty()) {
        println!("\n{}: {:.1} GMAC/s at most", name(engines[k]), peaks[k]);
        let mut kinds: BTreeMap<&str, (Duration, usize)> = BTreeMap::new();
        for layer in layers {
            let kind = kinds.entry(&layer.name).or_default();
            kind.0 += layer.time;
            kind.1 += layer.multiplications;
            if std::env::var_os("LAYERS").is_some_and(|v| v == "1") {
                line(
                    &format!("{} {}", layer.layer, layer.name),
                    layer.time,
                    layer.multiplications,
                    peaks[k],
                );
            }
        }
        for (kind, (time, multiplications)) in kinds {
            line(kind, time, multiplications, peaks[k]);
        }
    }
}

fn line(name: &str, time: Duration, multiplications: usize, peak: f64) {
    let rate = multiplications as f64 / time.as_secs_f64() / 1e9;
    println!(
        "  {name:<24} {:>7.3} ms {:>8.1} MMAC {rate:>7.1} GMAC/s {:>5.1} %",
        ms(time),
        multiplications as f64 / 1e6,
        100.0 * rate / peak
    );
}

fn name(engine: Engine) -> String {
    match engine {
        Engine::Own(isa) => format!("own {}", isa.name()),
        Engine::Stock => "tract".to_owned(),
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The most multiply-adds of floats that one core does, in thousands of
/// millions a second: twelve sums that do not wait for each other, in registers.
fn peak(isa: Isa) -> f64 {
    const STEPS: usize = 200_000;
    let start = Instant::now();
    let lanes = match isa.name() {
        // SAFETY: `isa` is one of this processor's.
        #[cfg(target_arch = "x86_64")]
        "avx512" | "avx512_bf16" => unsafe { x86::sums_avx512(STEPS) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        "avx2" => unsafe { x86::sums_avx2(STEPS) },
        _ => sums_portable(STEPS),
    };
    (STEPS * 12 * lanes) as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn sums_portable(steps: usize) -> usize {
    let (x, y) = (black_box([0.999f32; 4]), black_box([0.001f32; 4]));
    let mut sums = [[1.0f32; 4]; 12];
    for _ in 0..steps {
        for sum in &mut sums {
            for lane in 0..4 {
                sum[lane] = sum[lane] * x[lane] + y[lane];
            }
        }
    }
    black_box(sums);
    4
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    #[target_feature(enable = "avx512f")]
    pub fn sums_avx512(steps: usize) -> usize {
        let (x, y) = (
            _mm512_set1_ps(black_box(0.999)),
            _mm512_set1_ps(black_box(0.001)),
        );
        let mut sums = [y; 12];
        for _ in 0..steps {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, x, y);
            }
        }
        black_box(sums);
        16
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn sums_avx2(steps: usize) -> usize {
        let (x, y) = (
            _mm256_set1_ps(black_box(0.999)),
            _mm256_set1_ps(black_box(0.001)),
        );
        let mut sums = [y; 12];
        for _ in 0..steps {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, x, y);
            }
        }
        black_box(sums);
        8
    }
}
