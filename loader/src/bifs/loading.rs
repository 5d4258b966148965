//! Loading what was prepared, and deleting.

use smallvec::SmallVec;

use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call, Trap, badarg, system_limit};
use vm::code::table::{self, Refused};
use vm::code::{Export, Mfa};
use vm::process::crash;
use vm::term::Term;
use vm::{atom, bifs};

use super::{Prepared, atom, seize};

bifs! {
    "erlang" {
        "has_prepared_code_on_load"/1   Plain   has_prepared_code_on_load_1;
        "finish_loading"/1              Heavy   finish_loading_1;
        "call_on_load_function"/1       Heavy   call_on_load_function_1;
        "finish_after_on_load"/2        Heavy   finish_after_on_load_2;
        "delete_module"/1               Heavy   delete_module_1;
    }
}

fn has_prepared_code_on_load_1(call: Call<'_>) -> BifResult<'_> {
    let module = Prepared::of(call.arg(0)).ok_or_else(badarg)?;
    Ok(Term::bool(module.on_load().is_some()))
}

/// OTP 25, `erlang:finish_loading/1`: several modules become current together, or one with `on_load`.
fn finish_loading_1(call: Call<'_>) -> BifResult<'_> {
    let writer = seize(call)?;
    let prepared = call.arg(0).proper_list().ok_or_else(badarg)?;
    let modules = prepared
        .iter()
        .map(|term| Prepared::of(*term))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(badarg)?;
    if modules.len() > 1 && modules.iter().any(|module| module.on_load().is_some()) {
        return Err(system_limit());
    }
    let (tag, names) = match writer.load(&modules) {
        Ok(pending) => {
            for resource in prepared
                .iter()
                .filter_map(|term| term.resource::<Prepared>())
            {
                resource.0.lock().take();
            }
            if pending.is_empty() {
                return Ok(Term::OK);
            }
            (atom!("on_load"), pending)
        }
        Err(Refused::Duplicated(names)) => (atom!("duplicated"), names),
        Err(Refused::NotPurged(names)) => (atom!("not_purged"), names),
    };
    let names = call.heap.list_from(names.into_iter().map(Term::atom));
    Ok(call.heap.tuple(&[Term::atom(tag), names]))
}

/// What a pending module's `on_load` function is called by: it need not be exported.
fn on_load_export(module: Atom) -> &'static Export {
    Export::of(Mfa {
        module,
        function: atom!("-on_load-"),
        arity: 0,
    })
}

fn call_on_load_function_1(call: Call<'_>) -> BifResult<'_> {
    let name = atom(call, 0)?;
    let pending = table::generations(name).pending.ok_or_else(badarg)?;
    let export = on_load_export(name);
    export.set_address(pending.on_load().ok_or_else(badarg)?);
    Err(Trap::Call {
        export,
        args: SmallVec::new(),
    }
    .into())
}

fn finish_after_on_load_2(call: Call<'_>) -> BifResult<'_> {
    let keep = call.arg(1).as_bool().ok_or_else(badarg)?;
    let writer = seize(call)?;
    let name = atom(call, 0)?;
    if !writer.finish_on_load(name, keep) {
        return Err(badarg());
    }
    on_load_export(name).undefine();
    Ok(Term::TRUE)
}

fn delete_module_1(call: Call<'_>) -> BifResult<'_> {
    let name = atom(call, 0)?;
    let writer = seize(call)?;
    match writer.delete(name) {
        Ok(true) => Ok(Term::TRUE),
        Ok(false) => Ok(Term::UNDEFINED),
        Err(_) => {
            let process = call.process();
            let text = format!("Module {name} must be purged before deleting\n");
            crash::log_text(
                well_known::ERROR,
                process.group_leader(),
                Some(process.pid()),
                &text,
            );
            Err(badarg())
        }
    }
}
