//! Against other libraries, and what is seen from inside only.

mod ed25519;
mod edges;
mod faults;
mod hashes;
mod keys;
mod p256;
mod ranges;
mod secrets;
mod signatures;
#[cfg(target_arch = "x86_64")]
mod timing;
mod verify;
mod while_ours;
mod words;
mod wycheproof;

use std::io::Write as _;
use std::sync::Once;

use crate::Kernel;

/// The kernel; none on a processor without the instructions, and then it is said past the capture of tests that `lanes/ifma.rs`
/// is not tested.
fn kernel() -> Option<Kernel> {
    static SAID: Once = Once::new();
    let kernel = Kernel::available();
    if kernel.is_none() {
        SAID.call_once(|| {
            skipped("the kernel's own lanes, as this processor has no AVX-512 IFMA: the portable twin is tested in its place");
        });
    }
    kernel
}

/// Says past the capture of tests what is not tested.
fn skipped(what: &str) {
    let _said = writeln!(std::io::stdout(), "skipped: {what}");
}
