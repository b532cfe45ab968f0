//! What things take of the memory: for caches that are bounded in bytes.

/// Estimates what an allocation of so many bytes takes: nothing for none; else allocators round up, by an eighth on average.
///
/// # Examples
///
/// ```
/// assert_eq!([0, 1, 64, 1000].map(claims::allocated), [0, 9, 80, 1133]);
/// ```
pub const fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes + bytes / 8 + 8 }
}
