//! The machine at hand, in words.

/// How many threads run at once here, 1 or more.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The processor, and the accelerators where libtorch has some.
pub fn name() -> String {
    let cores = processors();
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            line.split(':').nth(1).map(|name| name.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let gpus = match tch::Cuda::device_count() {
        0 => "no GPU".to_owned(),
        count => match gpu_models().join(" and ") {
            models if models.is_empty() => format!("{count} GPU of CUDA"),
            models => models,
        },
    };
    format!("{model}, {cores} cores, {gpus}")
}

/// As NVIDIA's driver names them.
fn gpu_models() -> Vec<String> {
    let Ok(gpus) = std::fs::read_dir("/proc/driver/nvidia/gpus") else {
        return Vec::new();
    };
    gpus.flatten()
        .filter_map(|gpu| {
            let told = std::fs::read_to_string(gpu.path().join("information")).ok()?;
            let model = told.lines().find_map(|line| line.strip_prefix("Model:"))?;
            Some(model.trim().to_owned())
        })
        .collect()
}
