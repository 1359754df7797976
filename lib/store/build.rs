//! Makes a changed migration rebuild what embeds it.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
