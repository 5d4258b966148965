//! Telling the time.

use vm::bif::{BifResult, Call, Stop, Trap, badarg};
use vm::code::{Export, Mfa};
use vm::heap::Heap;
use vm::term::{Kind, Term};
use vm::{atom, bifs};

use crate::clock::{self, SECOND};
use crate::local_time::{self, DateTime};

bifs! {
    "erlang" {
        "monotonic_time"/0             Plain monotonic_time_0;
        "monotonic_time"/1             Heavy monotonic_time_1;
        "system_time"/0                Plain system_time_0;
        "system_time"/1                Heavy system_time_1;
        "time_offset"/0                Plain time_offset_0;
        "time_offset"/1                Heavy time_offset_1;
        "timestamp"/0                  Plain timestamp_0;
        "now"/0                        Plain now_0;
        "date"/0                       Plain date_0;
        "time"/0                       Plain time_0;
        "localtime"/0                  Plain localtime_0;
        "universaltime"/0              Plain universaltime_0;
        "localtime_to_universaltime"/2 Plain localtime_to_universaltime_2;
        "universaltime_to_localtime"/1 Plain universaltime_to_localtime_1;
        "universaltime_to_posixtime"/1 Plain universaltime_to_posixtime_1;
        "posixtime_to_universaltime"/1 Plain posixtime_to_universaltime_1;
    }
    "os" {
        "system_time"/0                Plain os_system_time_0;
        "system_time"/1                Heavy os_system_time_1;
        "timestamp"/0                  Plain os_timestamp_0;
        "perf_counter"/0               Plain perf_counter_0;
    }
    "erts_internal" {
        "time_unit"/0                  Plain time_unit_0;
        "perf_counter_unit"/0          Plain time_unit_0;
    }
}

/// The earliest year that local time is known for.
const FIRST_LOCAL_YEAR: i64 = 1902;
/// The earliest year of universal time.
const FIRST_YEAR: i64 = 1600;

/// A time in a unit that a program names; OTP's own code deals with the rare ones.
fn in_unit<'p>(call: Call<'p>, nanoseconds: i64, unit: Term<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let parts = match unit.kind() {
        Kind::Atom(atom) => match atom.name() {
            "native" | "nanosecond" | "nano_seconds" => SECOND,
            "second" | "seconds" => 1,
            "millisecond" | "milli_seconds" => 1_000,
            "microsecond" | "micro_seconds" => 1_000_000,
            "perf_counter" => return convert(call, nanoseconds, unit),
            _ => return Err(badarg()),
        },
        Kind::Small(parts @ (1 | 1_000 | 1_000_000 | 1_000_000_000)) => parts,
        Kind::Small(parts) if parts > 0 => return convert(call, nanoseconds, unit),
        Kind::Big(big) if !big.negative => return convert(call, nanoseconds, unit),
        _ => return Err(badarg()),
    };
    Ok(heap.integer(nanoseconds.div_euclid(SECOND / parts)))
}

fn convert<'p>(call: Call<'p>, nanoseconds: i64, unit: Term<'p>) -> BifResult<'p> {
    let export = Export::of(Mfa {
        module: atom!("erlang"),
        function: atom!("convert_time_unit"),
        arity: 3,
    });
    let args = [
        call.heap.integer(nanoseconds),
        call.heap.integer(SECOND),
        unit,
    ];
    Err(Stop::from(Trap::Call {
        export,
        args: args.into_iter().collect(),
    }))
}

fn monotonic_time_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.integer(clock::monotonic()))
}

fn monotonic_time_1<'p>(call: Call<'p>) -> BifResult<'p> {
    in_unit(call, clock::monotonic(), call.arg(0))
}

fn system_time_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.integer(clock::system()))
}

fn system_time_1<'p>(call: Call<'p>) -> BifResult<'p> {
    in_unit(call, clock::system(), call.arg(0))
}

fn time_offset_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.integer(clock::offset()))
}

fn time_offset_1<'p>(call: Call<'p>) -> BifResult<'p> {
    in_unit(call, clock::offset(), call.arg(0))
}

fn os_system_time_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.integer(clock::raw_system()))
}

fn os_system_time_1<'p>(call: Call<'p>) -> BifResult<'p> {
    in_unit(call, clock::raw_system(), call.arg(0))
}

fn perf_counter_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.integer(clock::raw_monotonic()))
}

fn time_unit_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.integer(SECOND))
}

/// `{MegaSeconds, Seconds, MicroSeconds}`.
fn mega<'p>(heap: Heap<'p>, microseconds: i64) -> Term<'p> {
    let million = 1_000_000;
    let seconds = microseconds.div_euclid(million);
    heap.tuple(&[
        heap.integer(seconds.div_euclid(million)),
        heap.integer(seconds.rem_euclid(million)),
        heap.integer(microseconds.rem_euclid(million)),
    ])
}

fn timestamp_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(mega(call.heap, clock::system().div_euclid(1000)))
}

fn os_timestamp_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(mega(call.heap, clock::raw_system().div_euclid(1000)))
}

fn now_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(mega(call.heap, clock::now()))
}

fn seconds_now() -> i64 {
    clock::raw_system().div_euclid(SECOND)
}

/// Local time; universal time where the system does not know the former.
fn local_now() -> DateTime {
    let seconds = seconds_now();
    local_time::local(seconds).unwrap_or_else(|| DateTime::of_seconds(seconds))
}

fn triple<'p>(heap: Heap<'p>, parts: [i64; 3]) -> Term<'p> {
    heap.tuple(&parts.map(|part| heap.integer(part)))
}

fn date_term<'p>(heap: Heap<'p>, date: DateTime) -> Term<'p> {
    triple(heap, [date.year, date.month, date.day])
}

fn time_term<'p>(heap: Heap<'p>, date: DateTime) -> Term<'p> {
    triple(heap, [date.hour, date.minute, date.second])
}

fn date_time_term<'p>(heap: Heap<'p>, date: DateTime) -> Term<'p> {
    heap.tuple(&[date_term(heap, date), time_term(heap, date)])
}

fn date_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(date_term(call.heap, local_now()))
}

fn time_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(time_term(call.heap, local_now()))
}

fn localtime_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(date_time_term(call.heap, local_now()))
}

fn universaltime_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(date_time_term(
        call.heap,
        DateTime::of_seconds(seconds_now()),
    ))
}

/// `{{Year, Month, Day}, {Hour, Minute, Second}}`, if it is a time that there is.
fn parse(term: Term<'_>, first_year: i64) -> Option<DateTime> {
    let [date, time] = term.as_tuple_of::<2>()?;
    let [year, month, day] = date.as_tuple_of::<3>()?.map(Term::as_small);
    let [hour, minute, second] = time.as_tuple_of::<3>()?.map(Term::as_small);
    let date = DateTime {
        year: year?,
        month: month?,
        day: day?,
        hour: hour?,
        minute: minute?,
        second: second?,
    };
    date.is_valid(first_year).then_some(date)
}

fn localtime_to_universaltime_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let daylight_saving = match (call.arg(1).as_bool(), call.arg(1)) {
        (Some(known), _) => Some(known),
        (None, term) if term.same(Term::UNDEFINED) => None,
        _ => return Err(badarg()),
    };
    let local = parse(call.arg(0), FIRST_LOCAL_YEAR).ok_or_else(badarg)?;
    let seconds = local_time::universal(local, daylight_saving).ok_or_else(badarg)?;
    Ok(date_time_term(call.heap, DateTime::of_seconds(seconds)))
}

fn universaltime_to_localtime_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let date = parse(call.arg(0), FIRST_LOCAL_YEAR).ok_or_else(badarg)?;
    let local = local_time::local(date.seconds()).ok_or_else(badarg)?;
    Ok(date_time_term(call.heap, local))
}

fn universaltime_to_posixtime_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let date = parse(call.arg(0), FIRST_YEAR).ok_or_else(badarg)?;
    Ok(call.heap.integer(date.seconds()))
}

fn posixtime_to_universaltime_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let seconds = call.arg(0).as_i64().ok_or_else(badarg)?;
    // Far beyond what anybody counts in seconds; keeps the arithmetic within its bounds.
    if seconds.unsigned_abs() > 1 << 58 {
        return Err(badarg());
    }
    Ok(date_time_term(call.heap, DateTime::of_seconds(seconds)))
}
