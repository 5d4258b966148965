//! Ending the node, and checks of the schedulers.

use vm::atom;
use vm::atom::well_known as w;
use vm::bif::{BifResult, Call, Stop, Trap, badarg, badarg_because};
use vm::bifs;
use vm::term::{Kind, Term};

use crate::halt;
use crate::worker;

bifs! {
    "erlang" {
        "halt"/2                Heavy halt_2;
    }
    "erts_internal" {
        "system_check"/1        Plain system_check_1;
        "no_aux_work_threads"/0 Plain no_aux_work_threads_0;
    }
}

/// The longest message of `halt(Message)`, in characters.
const MESSAGE_MAX: usize = 1023;

/// Whether output is to be written out first.
fn flush(options: Term<'_>) -> Option<bool> {
    let mut flush = true;
    for option in options.proper_list()? {
        let [key, value] = option.as_tuple_of::<2>()?;
        if !key.is_atom(w::FLUSH) {
            return None;
        }
        flush = value.as_bool()?;
    }
    Some(flush)
}

fn halt_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let flush = flush(call.arg(1)).ok_or_else(|| badarg_because(w::BADOPT))?;
    match call.arg(0).kind() {
        Kind::Small(code) if code >= 0 => exit(code as u64, flush),
        Kind::Big(big) if !big.negative => exit(big.limbs[0], flush),
        Kind::Atom(atom) if atom == atom!("abort") => halt::abort(),
        Kind::Nil | Kind::Cons(_) => {
            let message = message(call.arg(0)).ok_or_else(badarg)?;
            end_beside(move || halt::crash(&message))
        }
        _ => Err(badarg()),
    }
}

fn exit<'p>(code: u64, flush: bool) -> BifResult<'p> {
    let code = (code & 0x7fff_ffff) as i32;
    if !flush {
        halt::exit(code, false);
    }
    end_beside(move || halt::exit(code, true))
}

/// The node ends beside this scheduler, which goes on until it does: what is written out may need it, and processes
/// tell a crash dump of themselves.
fn end_beside<'p>(end: impl FnOnce() + Send + 'static) -> BifResult<'p> {
    if !halt::is_halting() {
        let ending = std::thread::Builder::new()
            .name("erts_halt".to_owned())
            .spawn(end);
        if ending.is_err() {
            halt::exit(1, false);
        }
    }
    Err(Stop::from(Trap::Wait {
        args: [Term::int(0), Term::NIL].into_iter().collect(),
    }))
}

fn message(term: Term<'_>) -> Option<String> {
    let characters = term.proper_list()?;
    if characters.len() > MESSAGE_MAX {
        return None;
    }
    characters
        .into_iter()
        .map(|character| char::from_u32(u32::try_from(character.as_small()?).ok()?))
        .collect()
}

/// All schedulers answer, or this would not run.
fn system_check_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if call.arg(0).is_atom(w::SCHEDULERS) {
        Ok(Term::OK)
    } else {
        Err(badarg())
    }
}

fn no_aux_work_threads_0<'p>(_call: Call<'p>) -> BifResult<'p> {
    let count = worker::workers().map_or(1, |workers| workers.all.len());
    Ok(Term::size(count + 1))
}
