//! The allocator's settings for training on a CPU.

/// Tells glibc's allocator to keep freed memory instead of handing it back to the kernel.
///
/// Activations of tens of megabytes are allocated and freed in every step. By default glibc maps
/// and unmaps each of them, and the kernel clears every page anew: on two cores this halves the
/// speed of training at 224 px. Call it once, first thing in `main`. Elsewhere than on glibc it does
/// nothing.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // mallopt takes a C int: 1 GiB is the largest round size that fits, and above any tensor
        // of a network here.
        const LARGE: libc::c_int = 1 << 30;
        const TOP_PAD: libc::c_int = 64 << 20;
        // SAFETY: mallopt only sets parameters of the allocator, and the values are in range.
        // A refused parameter (result 0) leaves the default, which is slower and otherwise the same.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
            libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
            libc::mallopt(libc::M_TOP_PAD, TOP_PAD);
        }
    }
}
