//! What memcheck is told: which memory is secret, and what may be known all the same.
//!
//! Requests are no-ops on a real processor: four rotations by 128 bits together, and an exchange of a register with
//! itself (`valgrind.h`, `__SPECIAL_INSTRUCTION_PREAMBLE` of amd64).

/// `VG_USERREQ__MAKE_MEM_UNDEFINED` of `memcheck.h`.
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;

/// `VG_USERREQ__MAKE_MEM_DEFINED` of `memcheck.h`.
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

/// Marks memory as secret: a branch or an address that depends on it is an error.
pub(crate) fn hide(bytes: &mut [u8]) {
    request(MAKE_MEM_UNDEFINED, bytes);
}

/// The same bits, known from here on.
#[inline(never)]
pub(crate) fn known(bits: u64) -> u64 {
    let mut place = [bits];
    request(MAKE_MEM_DEFINED, &mut place);
    place[0]
}

/// What is marked is borrowed to be changed: the compiler must read it again, and keeps no copy of it in a register,
/// which would be marked as before.
fn request<T>(request: usize, values: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    {
        let arguments = [request, values.as_mut_ptr().expose_provenance(), size_of_val(values), 0, 0, 0];
        // SAFETY: on a processor the rotations add up to none and the exchange does nothing. Under valgrind the request
        // changes what memcheck thinks of the memory, never the memory.
        unsafe {
            std::arch::asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inout("rdx") 0_usize => _,
                inout("rdi") 0_usize => _,
            );
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (request, values);
}
