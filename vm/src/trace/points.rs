//! Breakpoints of functions, and the patterns that set them (`erlang:trace_pattern/3`).
//!
//! A [`Point`] says all that is to be done where a function is called. Those of a module's functions stand
//! with the module's copy ([`code::shadow`](crate::code::shadow)); those of BIFs, and of exported functions
//! whose calls by name are traced, in a table by export. A point is never changed but replaced, so who has
//! got one can use it without a lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::{Mutex, RwLock};

use super::saved_calls;
use super::tracer::Tracer;
use crate::atom::{Atom, well_known as w};
use crate::bif::{BifEntry, BifKind, BifResult, Call, Trap};
use crate::code::module::Module;
use crate::code::table::{self, Writer};
use crate::code::{Export, Mfa};
use crate::match_spec::MatchSpec;
use crate::term::Pid;

/// The match specification of a trace; none where every call is told.
pub type Spec = Option<Arc<MatchSpec>>;

/// What is to be done where a function is called.
#[derive(Clone)]
pub struct Point {
    /// The function.
    pub mfa: Mfa,
    /// Calls by name are told (`global`).
    pub global: Option<Spec>,
    /// All calls are told (`local`).
    pub local: Option<Spec>,
    /// All calls of all processes are told (`meta`).
    pub meta: Option<Meta>,
    /// Calls are counted (`call_count`).
    pub count: Option<Arc<Counter>>,
    /// Whether they are at the moment.
    pub counts: bool,
    /// Calls and their time are counted for each process (`call_time`).
    pub times: Option<Arc<Times>>,
    /// Whether they are at the moment.
    pub takes_time: bool,
    /// Calls go to `error_handler:breakpoint/3` instead (`erts_debug:breakpoint/2`).
    pub debug: bool,
}

/// Who hears of calls, whoever makes them.
#[derive(Clone)]
pub struct Meta {
    /// What of them.
    pub spec: Spec,
    /// None once it was found to be gone.
    pub tracer: Arc<RwLock<Option<Arc<Tracer>>>>,
}

/// How often a function was called.
#[derive(Default)]
pub struct Counter(pub AtomicU64);

/// How often a function was called by each process, and how many nanoseconds it ran.
#[derive(Default)]
pub struct Times(pub Mutex<HashMap<Pid, (u64, i64)>>);

impl Times {
    /// Adds calls and time of a process.
    pub fn add(&self, pid: Pid, calls: u64, nanoseconds: i64) {
        let mut all = self.0.lock();
        let entry = all.entry(pid).or_default();
        entry.0 += calls;
        entry.1 += nanoseconds;
    }
}

/// What is done to breakpoints.
#[derive(Clone)]
pub enum Change {
    /// They are set.
    On(Spec),
    /// They are removed.
    Off,
    /// Counting begins again from zero.
    Restart,
    /// Counting stops.
    Pause,
}

impl Change {
    fn is_on(&self) -> bool {
        !matches!(self, Change::Off)
    }
}

/// Which sorts of breakpoints are meant; none of them means `global`.
#[derive(Clone, Default)]
pub struct Sorts {
    /// `local`.
    pub local: bool,
    /// `meta`, and who hears.
    pub meta: Option<Arc<Tracer>>,
    /// `call_count`.
    pub call_count: bool,
    /// `call_time`.
    pub call_time: bool,
}

impl Sorts {
    /// Whether one of them is meant.
    pub fn is_breakpoint(&self) -> bool {
        self.local || self.meta.is_some() || self.call_count || self.call_time
    }
}

/// Which functions are meant; none stands for all.
#[derive(Clone, Copy)]
pub struct Pattern {
    /// The module.
    pub module: Option<Atom>,
    /// The function.
    pub function: Option<Atom>,
    /// The arity.
    pub arity: Option<u32>,
}

impl Pattern {
    fn matches(&self, mfa: Mfa) -> bool {
        self.module.is_none_or(|module| module == mfa.module)
            && self
                .function
                .is_none_or(|function| function == mfa.function)
            && self.arity.is_none_or(|arity| arity == mfa.arity)
    }
}

impl Point {
    fn new(mfa: Mfa) -> Point {
        Point {
            mfa,
            global: None,
            local: None,
            meta: None,
            count: None,
            counts: false,
            times: None,
            takes_time: false,
            debug: false,
        }
    }

    fn is_empty(&self) -> bool {
        self.global.is_none()
            && self.local.is_none()
            && self.meta.is_none()
            && self.count.is_none()
            && self.times.is_none()
            && !self.debug
    }

    fn apply(&mut self, change: &Change, sorts: &Sorts) {
        if !sorts.is_breakpoint() {
            // Global tracing takes the place of all breakpoints.
            match change {
                Change::On(spec) => {
                    *self = Point::new(self.mfa);
                    self.global = Some(spec.clone());
                }
                _ => self.global = None,
            }
            return;
        }
        match change {
            Change::On(spec) => {
                self.global = None;
                if sorts.local {
                    self.local = Some(spec.clone());
                }
                if let Some(tracer) = &sorts.meta {
                    self.meta = Some(Meta {
                        spec: spec.clone(),
                        tracer: Arc::new(RwLock::new(Some(tracer.clone()))),
                    });
                }
                if sorts.call_count {
                    self.count = Some(Arc::default());
                    self.counts = true;
                }
                if sorts.call_time {
                    self.times = Some(Arc::default());
                    self.takes_time = true;
                }
            }
            Change::Off => {
                if sorts.local {
                    self.local = None;
                }
                if sorts.meta.is_some() {
                    self.meta = None;
                }
                if sorts.call_count {
                    self.count = None;
                }
                if sorts.call_time {
                    self.times = None;
                }
            }
            Change::Restart | Change::Pause => {
                let active = matches!(change, Change::Restart);
                if sorts.call_count && self.count.is_some() {
                    self.counts = active;
                    if active {
                        self.count = Some(Arc::default());
                    }
                }
                if sorts.call_time && self.times.is_some() {
                    self.takes_time = active;
                    if active {
                        self.times = Some(Arc::default());
                    }
                }
            }
        }
    }
}

/// The points of BIFs, and of exports whose calls by name are traced; by the address of the export.
static EXPORTS: LazyLock<RwLock<HashMap<usize, Arc<Point>>>> = LazyLock::new(Default::default);
/// Entries that stand for traced BIFs, made once for each.
static TRACED_BIFS: LazyLock<Mutex<HashMap<usize, &'static BifEntry>>> =
    LazyLock::new(Default::default);

fn key(export: &Export) -> usize {
    std::ptr::from_ref(export) as usize
}

/// The point of an export: of a BIF, or of calls by name.
pub fn of_export(export: &Export) -> Option<Arc<Point>> {
    EXPORTS.read().get(&key(export)).cloned()
}

fn run_traced<'p>(_call: Call<'p>) -> BifResult<'p> {
    Err(Trap::Breakpoint.into())
}

fn traced_entry(export: &'static Export, bif: &'static BifEntry) -> &'static BifEntry {
    TRACED_BIFS.lock().entry(key(export)).or_insert_with(|| {
        Box::leak(Box::new(BifEntry {
            module: bif.module,
            function: bif.function,
            arity: bif.arity,
            kind: BifKind::Heavy,
            run: run_traced,
        }))
    })
}

fn set_export(export: &'static Export, point: Option<Point>) {
    let exists = point.is_some();
    match point {
        Some(point) => EXPORTS.write().insert(key(export), Arc::new(point)),
        None => EXPORTS.write().remove(&key(export)),
    };
    divert(export, exists || saved_calls::diverted());
}

/// Lets calls of an export lead to the tracing, or not any more.
fn divert(export: &'static Export, on: bool) {
    match export.bif() {
        Some(bif) => {
            let by = on.then(|| traced_entry(export, bif));
            export.set_bif_traced(by);
        }
        None => export.set_traced(on),
    }
}

/// Calls of all exports lead to the tracing from now on, or only those that have a point.
pub(super) fn divert_all(_writer: &Writer) {
    let all = saved_calls::diverted();
    for export in Export::all() {
        divert(export, all || of_export(export).is_some());
    }
}

fn change_export(export: &'static Export, change: &Change, sorts: &Sorts) {
    let old = of_export(export);
    let mut point = old.map_or_else(|| Point::new(export.mfa), |old| (*old).clone());
    point.apply(change, sorts);
    set_export(export, (!point.is_empty()).then_some(point));
}

fn change_function(
    writer: &Writer,
    module: &Arc<Module>,
    number: usize,
    mfa: Mfa,
    change: &Change,
    sorts: &Sorts,
) {
    let old = module.shadow().and_then(|shadow| shadow.point(number));
    let had = old.is_some();
    let mut point = old.map_or_else(|| Point::new(mfa), |old| (*old).clone());
    point.apply(change, sorts);
    // Calls by name are the export's.
    point.global = None;
    let point = (!point.is_empty()).then(|| Arc::new(point));
    if had || point.is_some() {
        writer.set_point(module, number, point);
    }
}

/// Changes the breakpoints of all functions that a pattern matches; how many there are.
pub fn set(writer: &Writer, pattern: Pattern, change: &Change, sorts: &Sorts) -> usize {
    let (mut functions, mut exports) = (0, 0);
    for export in Export::all() {
        let counts = export.bif().is_some() || (export.is_defined() && !export.is_native());
        if !counts || !pattern.matches(export.mfa) {
            continue;
        }
        exports += 1;
        if export.bif().is_some() {
            change_export(export, change, sorts);
        } else if sorts.is_breakpoint() {
            if change.is_on() && of_export(export).is_some() {
                set_export(export, None);
            }
        } else {
            change_export(export, change, sorts);
        }
    }
    let modules = match pattern.module {
        Some(module) => vec![module],
        None => table::loaded(),
    };
    for module in modules.into_iter().filter_map(table::current) {
        functions += set_in_module(writer, &module, pattern, change, sorts);
    }
    if sorts.is_breakpoint() {
        functions
    } else {
        exports
    }
}

fn set_in_module(
    writer: &Writer,
    module: &Arc<Module>,
    pattern: Pattern,
    change: &Change,
    sorts: &Sorts,
) -> usize {
    let mut matched = 0;
    for (number, function) in module.functions().iter().enumerate() {
        let mfa = Mfa {
            module: module.name,
            function: function.name,
            arity: function.arity.into(),
        };
        if !pattern.matches(mfa) {
            continue;
        }
        matched += 1;
        if Export::existing(mfa).is_some_and(Export::is_native) {
            continue;
        }
        // Turning global tracing off leaves breakpoints alone.
        if sorts.is_breakpoint() || change.is_on() {
            change_function(writer, module, number, mfa, change, sorts);
        }
    }
    matched
}

/// Sets or removes the breakpoints of the debugger; how many functions the pattern matches.
pub fn set_debug(writer: &Writer, pattern: Pattern, on: bool) -> Option<usize> {
    let mut matched = 0;
    for module in table::loaded().into_iter().filter_map(table::current) {
        for (number, function) in module.functions().iter().enumerate() {
            let mfa = Mfa {
                module: module.name,
                function: function.name,
                arity: function.arity.into(),
            };
            if !pattern.matches(mfa) {
                continue;
            }
            matched += 1;
            if Export::existing(mfa).is_some_and(Export::is_native) {
                continue;
            }
            let old = module.shadow().and_then(|shadow| shadow.point(number));
            let had = old.is_some();
            let mut point = old.map_or_else(|| Point::new(mfa), |old| (*old).clone());
            point.debug = on;
            let point = (!point.is_empty()).then(|| Arc::new(point));
            if had || point.is_some() {
                writer.set_point(&module, number, point);
            }
        }
    }
    (matched > 0).then_some(matched)
}

/// Code is not current any more: its breakpoints go, and those of its exports.
pub fn forget(writer: &Writer, module: &Arc<Module>) {
    if let Some(shadow) = module.shadow() {
        for number in 0..module.functions().len() {
            if shadow.point(number).is_some() {
                writer.set_point(module, number, None);
            }
        }
    }
    if EXPORTS.read().is_empty() {
        return;
    }
    for exported in module.exports() {
        let mfa = Mfa {
            module: module.name,
            function: exported.name,
            arity: exported.arity.into(),
        };
        if let Some(export) = Export::existing(mfa)
            && export.is_traced()
        {
            set_export(export, None);
        }
    }
}

/// The point of a function, wherever it stands; `None` where there is no such function.
pub fn of(mfa: Mfa) -> Option<Option<Arc<Point>>> {
    let export = Export::existing(mfa);
    if let Some(export) = export {
        let point = of_export(export);
        if export.bif().is_some() || point.is_some() {
            return Some(point);
        }
    }
    let module = table::current(mfa.module)?;
    let number = module.functions().iter().position(|function| {
        function.name == mfa.function && u32::from(function.arity) == mfa.arity
    })?;
    Some(module.shadow().and_then(|shadow| shadow.point(number)))
}

/// What every module that is loaded gets (`trace_pattern(on_load, …)`).
#[derive(Clone, Default)]
pub struct OnLoad {
    /// Whether anything is to be set.
    pub is_on: bool,
    /// What of calls is told.
    pub spec: Spec,
    /// What of calls is told to `meta` tracers.
    pub meta_spec: Spec,
    /// Which sorts; `None` in `meta` where that is off.
    pub sorts: Sorts,
}

static ON_LOAD: LazyLock<RwLock<OnLoad>> = LazyLock::new(Default::default);

/// What every module that is loaded gets.
pub fn on_load() -> OnLoad {
    ON_LOAD.read().clone()
}

/// Changes what every module that is loaded gets.
pub fn set_on_load(change: &Change, sorts: &Sorts) {
    let mut state = ON_LOAD.write();
    let spec = match change {
        Change::On(spec) => spec.clone(),
        _ => None,
    };
    let (on, set) = (change.is_on(), matches!(change, Change::On(_)));
    let breakpoint = sorts.is_breakpoint();
    if sorts.local || !breakpoint {
        state.spec.clone_from(&spec);
    }
    if sorts.meta.is_some() {
        state.meta_spec = spec;
    } else if !breakpoint {
        state.meta_spec = None;
    }
    match (state.sorts.is_breakpoint(), breakpoint) {
        (true, true) if on => {
            state.sorts.local |= sorts.local;
            if sorts.meta.is_some() {
                state.sorts.meta.clone_from(&sorts.meta);
            }
            state.sorts.call_count |= set && sorts.call_count;
            state.sorts.call_time |= set && sorts.call_time;
        }
        (true, true) => {
            state.sorts.local &= !sorts.local;
            if sorts.meta.is_some() {
                state.sorts.meta = None;
            }
            state.sorts.call_count &= !sorts.call_count;
            state.sorts.call_time &= !sorts.call_time;
            if !state.sorts.is_breakpoint() {
                state.is_on = false;
            }
        }
        (false, false) => state.is_on = on,
        (true, false) if on => {
            state.sorts = Sorts::default();
            state.is_on = true;
        }
        (false, true) if on => {
            let mut sorts = sorts.clone();
            sorts.call_count &= set;
            sorts.call_time &= set;
            state.is_on = sorts.is_breakpoint();
            state.sorts = sorts;
        }
        _ => {}
    }
}

/// A module was loaded: it gets what every module gets.
pub fn module_loaded(writer: &Writer, module: &Arc<Module>) {
    let state = on_load();
    if !state.is_on {
        return;
    }
    let pattern = Pattern {
        module: Some(module.name),
        function: None,
        arity: None,
    };
    let mut sorts = state.sorts.clone();
    let meta = sorts.meta.take();
    if sorts.is_breakpoint() || meta.is_none() {
        set(writer, pattern, &Change::On(state.spec.clone()), &sorts);
    }
    if meta.is_some() {
        let sorts = Sorts {
            meta,
            ..Sorts::default()
        };
        set(writer, pattern, &Change::On(state.meta_spec), &sorts);
    }
}

/// Which messages are told where all would be (`trace_pattern(send, …)`, `trace_pattern('receive', …)`).
pub struct EventPattern {
    /// Whether any are.
    pub on: bool,
    /// Which.
    pub spec: Spec,
}

/// For sent messages.
pub static SEND: RwLock<EventPattern> = RwLock::new(EventPattern {
    on: true,
    spec: None,
});
/// For received messages.
pub static RECEIVE: RwLock<EventPattern> = RwLock::new(EventPattern {
    on: true,
    spec: None,
});

/// Whether messages must say who sent them: there is a specification for received ones.
pub static RECEIVE_NAMES_SENDER: AtomicBool = AtomicBool::new(false);

/// Changes which messages are told; false where the event is none.
pub fn set_event(event: Atom, change: &Change) -> bool {
    let place = if event == w::SEND {
        &SEND
    } else if event == w::RECEIVE {
        &RECEIVE
    } else {
        return false;
    };
    let (on, spec) = match change {
        Change::On(spec) => (true, spec.clone()),
        _ => (false, None),
    };
    if event == w::RECEIVE {
        RECEIVE_NAMES_SENDER.store(spec.is_some(), Ordering::Relaxed);
    }
    *place.write() = EventPattern { on, spec };
    true
}

/// A count as it stands.
pub fn count(counter: &Counter) -> u64 {
    counter.0.load(Ordering::Relaxed)
}
