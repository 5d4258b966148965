//! The reports of `system_info(info | procs | loaded | dist)`: text in the form of a crash dump.

#![forbid(unsafe_code)]

use std::fmt::Write;

use crate::atom;
use crate::bif::memory;
use crate::bif::nodes;
use crate::code::{Export, table as modules};
use crate::node_name;
use crate::process::{hooks, table};
use crate::term::Term;

/// A report of this name, if there is one.
pub fn report(name: &str) -> Option<String> {
    let mut text = String::new();
    match name {
        "info" => info(&mut text),
        "procs" => processes(&mut text),
        "loaded" => loaded(&mut text),
        "dist" => distribution(&mut text),
        _ => return None,
    }
    .expect("writing to memory does not fail");
    Some(text)
}

fn info(text: &mut String) -> std::fmt::Result {
    let usage = memory::usage();
    let system =
        usage.system + usage.ets + usage.binary + usage.literal + usage.code + usage.atom_space.0;
    writeln!(text, "=memory")?;
    writeln!(text, "total: {}", system + usage.processes)?;
    writeln!(text, "processes: {0}\nprocesses_used: {0}", usage.processes)?;
    writeln!(text, "system: {system}")?;
    writeln!(
        text,
        "atom: {}\natom_used: {}",
        usage.atom_space.0, usage.atom_space.1
    )?;
    writeln!(
        text,
        "binary: {}\ncode: {}\nets: {}",
        usage.binary, usage.code, usage.ets
    )?;
    let table = |text: &mut String, name: &str, entries: usize| {
        writeln!(
            text,
            "=index_table:{name}\nsize: {entries}\nentries: {entries}"
        )
    };
    table(text, "atom_tab", atom::count() as usize)?;
    table(text, "module_code", modules::loaded().len())?;
    table(text, "export_list", Export::all().len())?;
    writeln!(
        text,
        "=hash_table:process_reg\nsize: {0}\nobjs: {0}",
        table::count()
    )
}

fn processes(text: &mut String) -> std::fmt::Result {
    for pid in table::all() {
        let Some(process) = table::find(pid) else {
            continue;
        };
        writeln!(text, "=proc:{}", hooks::print(Term::pid(pid)))?;
        let state = if process.is_running() {
            "Running"
        } else {
            "Waiting"
        };
        writeln!(text, "State: {state}")?;
        if let Some(name) = process.name() {
            writeln!(text, "Name: {}", hooks::print(Term::atom(name)))?;
        }
        writeln!(text, "Reductions: {}", process.reductions())?;
    }
    Ok(())
}

fn loaded(text: &mut String) -> std::fmt::Result {
    let all = modules::loaded();
    let current: usize = all.iter().map(|&name| memory::code_bytes(name)).sum();
    writeln!(text, "Current code: {current}\nOld code: 0")?;
    for name in all {
        writeln!(text, "{} {}", name, memory::code_bytes(name))?;
    }
    Ok(())
}

fn distribution(text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "=node:{}",
        hooks::print(Term::atom(node_name::this().0))
    )?;
    if !node_name::is_alive() {
        return writeln!(text, "=no_distribution");
    }
    for node in nodes::others() {
        let kind = match node.kind {
            nodes::NodeType::Visible => "visible_node",
            nodes::NodeType::Hidden => "hidden_node",
            nodes::NodeType::Known => "not_connected",
        };
        writeln!(text, "={kind}:{}", node.name.index())?;
        writeln!(text, "Name: {}\nCreation: {}", node.name, node.creation)?;
    }
    Ok(())
}
