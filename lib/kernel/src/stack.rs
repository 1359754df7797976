//! What calls leave behind on the stack.

/// Bytes below the caller's frame that its calls may have written to. `tests/wiping.rs` looks whether that is enough.
const REACH: usize = 256 << 10;

/// Overwrites what earlier calls of the caller left on the stack: copies that a compiler makes of what is in registers, and
/// values on their way to the heap.
#[inline(never)]
pub(crate) fn wipe() {
    let mut below = [0_u8; REACH];
    // The compiler must not know that nobody looks.
    std::hint::black_box(&mut below);
}
