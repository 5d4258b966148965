//! `erl_ddll`: which drivers there are. All are linked in; none comes from a shared object.

#![forbid(unsafe_code)]

use crate::node::registry;
use vm::atom;
use vm::atom::{Atom, well_known as w};
use vm::bif::{BifResult, Call, badarg, iolist};
use vm::heap::{Heap, OwnedTerm};
use vm::process::signal;
use vm::term::{Kind, Term};

vm::bifs! { "erl_ddll":
    "try_load"/3 Heavy try_load_3;
    "try_unload"/2 Heavy try_unload_2;
    "loaded_drivers"/0 Heavy loaded_drivers_0;
    "info"/2 Heavy info_2;
    "format_error_int"/1 Heavy format_error_int_1;
    "monitor"/2 Heavy monitor_2;
    "demonitor"/1 Heavy demonitor_1;
}

/// The number of the error that a shared object is not there. From here downwards they are this node's own.
const NOT_FOUND: i64 = -10;
/// The number of the error that drivers are not loaded from shared objects.
const NOT_LOADABLE: i64 = -11;

/// A driver's name: an atom, or a string.
fn name(term: Term<'_>) -> Option<String> {
    match term.kind() {
        Kind::Atom(name) => Some(name.name().to_owned()),
        _ => {
            let bytes = iolist::to_vec(term).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|name| !name.is_empty())
        }
    }
}

fn is_linked_in(name: &str) -> bool {
    registry().is_driver(name)
}

fn error<'h>(heap: Heap<'h>, reason: Term<'h>) -> Term<'h> {
    heap.tuple(&[Term::atom(w::ERROR), reason])
}

/// The options of `try_load` and `try_unload`. Both take `{driver_options, [kill_ports]}` and `kill_ports` in
/// their own way.
#[derive(Default)]
struct Options {
    monitor: bool,
    reload: bool,
}

fn options(list: Term<'_>, unload: bool) -> Option<Options> {
    let mut options = Options::default();
    for option in list.proper_list()? {
        if unload && option.is_atom(atom!("kill_ports")) {
            continue;
        }
        let [key, value] = option.as_tuple_of::<2>()?;
        let pending = value.is_atom(atom!("pending")) || value.is_atom(atom!("pending_driver"));
        match key.as_atom()?.name() {
            "monitor" if pending => options.monitor = true,
            "reload" if pending && !unload => options.reload = true,
            "driver_options" if !unload => {
                let known = |option: &Term<'_>| option.is_atom(atom!("kill_ports"));
                value.proper_list()?.iter().all(known).then_some(())?;
            }
            _ => return None,
        }
    }
    Some(options)
}

/// `erl_ddll:try_load/3`.
fn try_load_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let (Some(path), Some(name), Some(options)) = (
        name(call.arg(0)),
        name(call.arg(1)),
        options(call.arg(2), false),
    ) else {
        return Err(badarg());
    };
    if is_linked_in(&name) {
        return Ok(error(heap, Term::atom(atom!("linked_in_driver"))));
    }
    if options.reload {
        return Ok(error(heap, Term::atom(atom!("not_loaded"))));
    }
    let file = std::path::Path::new(&path).join(format!("{name}.so"));
    let number = if file.exists() {
        NOT_LOADABLE
    } else {
        NOT_FOUND
    };
    let reason = heap.tuple(&[Term::atom(atom!("open_error")), heap.integer(number)]);
    Ok(error(heap, reason))
}

/// `erl_ddll:try_unload/2`.
fn try_unload_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (Some(name), Some(_)) = (name(call.arg(0)), options(call.arg(1), true)) else {
        return Err(badarg());
    };
    let reason = if is_linked_in(&name) {
        atom!("linked_in_driver")
    } else {
        atom!("not_loaded")
    };
    Ok(error(call.heap, Term::atom(reason)))
}

/// `erl_ddll:loaded_drivers/0`.
fn loaded_drivers_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let names = registry().drivers();
    let list = heap.list_from(names.iter().map(|name| heap.string(name)));
    Ok(heap.tuple(&[Term::OK, list]))
}

/// `erl_ddll:info/2`.
fn info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let known = name(call.arg(0)).filter(|name| is_linked_in(name));
    let (Some(_), Some(item)) = (known, call.arg(1).as_atom()) else {
        return Err(badarg());
    };
    match item.name() {
        "processes" | "driver_options" | "port_count" | "awaiting_load" | "awaiting_unload" => {
            Ok(Term::atom(atom!("linked_in_driver")))
        }
        "linked_in_driver" => Ok(Term::TRUE),
        "permanent" => Ok(Term::FALSE),
        _ => Err(badarg()),
    }
}

/// `erl_ddll:format_error_int/1`.
fn format_error_int_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let text = match call.arg(0).as_atom() {
        Some(reason) => text_of(reason),
        None => match call.arg(0).as_tuple_of::<2>() {
            Some([tag, number]) if tag.is_atom(atom!("open_error")) => {
                number.as_small().and_then(text_of_number)
            }
            _ => None,
        },
    };
    text.map(|text| call.heap.string(text)).ok_or_else(badarg)
}

fn text_of(reason: Atom) -> Option<&'static str> {
    Some(match reason.name() {
        "inconsistent" => {
            "Driver name and/or driver options are inconsistent with currently loaded driver"
        }
        "linked_in_driver" => "Driver is statically linked and cannot be loaded/unloaded",
        "permanent" => "DDLL driver is permanent an cannot be unloaded/loaded",
        "not_loaded" => "DDLL driver is not loaded",
        "not_loaded_by_this_process" => "DDLL driver was not loaded by this process",
        "not_pending" => "DDLL load not pending for this driver name",
        "already_loaded" => "DDLL driver is already loaded successfully",
        "pending_reload" => "Driver reloading is already pending",
        "pending_process" => {
            "Driver is loaded by others when attempting option {reload, pending_driver}"
        }
        "bad_driver_name" => "Bad driver name",
        _ => return None,
    })
}

fn text_of_number(number: i64) -> Option<&'static str> {
    Some(match number {
        -1 => "No driver init in dynamic library",
        -2 => "Driver init failed",
        -3 => "Bad driver name",
        -4 => "Driver name to long",
        -5 => "Driver compiled with incorrect version of erl_driver.h",
        -6 => "Unspecified dynamic library error",
        -7 => "Lookup in dynamic library failed",
        NOT_FOUND => "cannot open shared object file: No such file or directory",
        NOT_LOADABLE => "drivers in shared objects are not supported",
        _ => return None,
    })
}

/// `erl_ddll:monitor/2`. Since no driver comes or goes, the answer is known at once.
fn monitor_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let target = call.arg(1).as_tuple_of::<2>();
    let (true, Some([driver, what])) = (call.arg(0).is_atom(atom!("driver")), target) else {
        return Err(badarg());
    };
    let known_what = ["loaded", "loaded_only", "unloaded", "unloaded_only"];
    if !what
        .as_atom()
        .is_some_and(|what| known_what.contains(&what.name()))
    {
        return Err(badarg());
    }
    let name = name(driver).ok_or_else(badarg)?;
    let driver = Atom::new(&name).map_err(|_| badarg())?;
    let (tag, state) = if is_linked_in(&name) {
        (atom!("UP"), atom!("permanent"))
    } else {
        (w::DOWN, atom!("unloaded"))
    };
    let reference = vm::reference::next();
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[
            Term::atom(tag),
            heap.reference(reference),
            Term::atom(atom!("driver")),
            Term::atom(driver),
            Term::atom(state),
        ])
    });
    signal::send_message(call.process().pid(), message);
    Ok(heap.reference(reference))
}

/// `erl_ddll:demonitor/1`.
fn demonitor_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Ref(_) => Ok(Term::TRUE),
        _ => Err(badarg()),
    }
}
