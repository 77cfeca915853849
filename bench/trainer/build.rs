//! Writes the folder of libtorch into the programs of this package, so that they start by
//! themselves: torch-sys tells the linker where libtorch is, but not the loader.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    // Without LIBTORCH torch-sys has found libtorch where the loader looks anyway, or has failed.
    if let Some(libtorch) = std::env::var_os("LIBTORCH") {
        let folder = Path::new(&libtorch).join("lib");
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
