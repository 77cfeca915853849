use fovea_core::*;
fn best(n: usize, mut f: impl FnMut()) -> f64 {
    let mut b = f64::MAX;
    for _ in 0..n {
        let t = std::time::Instant::now();
        f();
        b = b.min(t.elapsed().as_secs_f64() * 1e3)
    }
    b
}
fn main() {
    for f in std::env::args().skip(1) {
        let bytes = std::fs::read(&f).unwrap();
        let p = photograph::decode(&bytes).unwrap();
        let d = best(5, || {
            std::hint::black_box(photograph::decode(&bytes).unwrap());
        });
        let a = best(30, || {
            std::hint::black_box(field::find_field(&p.rgb));
        });
        let b = best(30, || {
            std::hint::black_box(prepare::prepare(&p.rgb, 224));
        });
        let pr = prepare::prepare(&p.rgb, 224);
        let c = best(30, || {
            std::hint::black_box(quality::measure(&pr));
        });
        println!(
            "{f} {:?} decode {d:.2} field {a:.2} prepare {b:.2} measure {c:.2}",
            p.rgb.dimensions()
        );
    }
}
