//! Everything that OTP ships links; what is damaged is refused in order.

mod common;

use std::collections::BTreeMap;

use loader::link::link;
use loader::{BeamFile, uncompressed};

#[test]
fn every_beam_of_otp_links() {
    common::bifs::register();
    let Some(root) = common::otp_root() else {
        return;
    };
    let mut refused = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut operations, mut instructions) = (0, 0);
    for path in &common::beams(&root) {
        let bytes = std::fs::read(path).expect("a readable file");
        let bytes = uncompressed(&bytes).expect("not compressed, or rightly so");
        let file = BeamFile::parse(&bytes).expect("a good file");
        match link(&file) {
            Ok(module) => {
                operations += file.code().len();
                instructions += module.len();
                for index in 0..module.len() {
                    *counts.entry(module.instruction(index).name()).or_default() += 1;
                }
            }
            Err(error) => refused.push(format!("{}: {error}", path.display())),
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    println!("{operations} operations, {instructions} instructions");
    for (name, count) in counts {
        println!("{count:8} {name}");
    }
}
