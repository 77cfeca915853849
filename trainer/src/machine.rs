//! The machine at hand, in words.

/// The processor, and the accelerators where libtorch has some.
pub fn name() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            line.split(':').nth(1).map(|name| name.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let gpus = tch::Cuda::device_count();
    if gpus > 0 {
        format!("{model}, {cores} cores, {gpus} CUDA devices")
    } else {
        format!("{model}, {cores} cores, no GPU")
    }
}
