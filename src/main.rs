//! The program `lintel`.

fn main() -> std::process::ExitCode {
    lintel::main()
}
