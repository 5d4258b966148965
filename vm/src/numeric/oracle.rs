//! Asks the stock VM, when there is one, for what it computes; only tests use it.

use std::process::Command;

/// A source of numbers that is the same each time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// What the stock VM prints for each of `expressions` with `~w` (an exception: its reason); none without one.
pub fn erl(expressions: &[String]) -> Option<Vec<String>> {
    let dir = std::env::temp_dir().join(format!(
        "lintel-oracle-{}-{:p}",
        std::process::id(),
        expressions
    ));
    std::fs::create_dir_all(&dir).ok()?;
    let file = dir.join("expressions");
    std::fs::write(
        &file,
        expressions
            .iter()
            .map(|expression| format!("{expression}.\n"))
            .collect::<String>(),
    )
    .ok()?;
    let program = format!(
        "{{ok, B}} = file:read_file(\"{}\"), \
         [begin {{ok, T, _}} = erl_scan:string(binary_to_list(L) ++ \"\"), {{ok, E}} = erl_parse:parse_exprs(T), \
           R = try {{value, V, _}} = erl_eval:exprs(E, []), V catch _:Why -> Why end, \
           io:put_chars([io_lib:format(\"~w\", [R]), 10]) end || L <- binary:split(B, <<10>>, [global, trim])], \
         erlang:halt(0, [{{flush, true}}]).",
        file.display()
    );
    let output = Command::new("erl")
        .args(["-noshell", "-mode", "minimal", "-eval", &program])
        .output();
    let _ = std::fs::remove_dir_all(&dir);
    let output = output.ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    Some(
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect(),
    )
}
