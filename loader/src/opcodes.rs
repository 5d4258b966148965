//! The generic operations: what a `.beam` file's code is made of.
//!
//! One row an operation, in the order of their numbers; the enum [`GenericOp`], the names, arities,
//! operand kinds (which the decoder checks and the disassembler prints by) and the documentation are
//! views of the rows. A row `name(operand: Kind, …)` is an operation that some compiler from OTP 25 to
//! 29 emits or that these releases still load; a row `name[arity]` was withdrawn before, and a module
//! that contains it is refused, as the stock VM does.
//!
//! The meaning of the kinds stands at [`Kind`]. A last operand of kind `List` is followed by its elements.

use crate::kind::Kind;

macro_rules! generic_ops {
    ($(
        $(#[doc = $doc:literal])*
        $code:literal $variant:ident = $name:tt
            $(( $($field:ident : $kind:ident),* ))?
            $([ $arity:literal ])?;
    )*) => {
        /// A generic operation, numbered as in the file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum GenericOp {
            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n\nOperation ", $code, ", `", stringify!($name), "`.")]
                $variant = $code,
            )*
        }

        const ROWS: &[Row; MAX_OPCODE as usize] = &[$(
            Row {
                op: GenericOp::$variant,
                name: stringify!($name),
                kinds: &[$($(Kind::$kind),*)?],
                fields: &[$($(stringify!($field)),*)?],
                withdrawn_arity: &[$($arity)?],
                doc: concat!($($doc),*),
            },
        )*];
    };
}

struct Row {
    op: GenericOp,
    name: &'static str,
    kinds: &'static [Kind],
    fields: &'static [&'static str],
    withdrawn_arity: &'static [u8],
    doc: &'static str,
}

/// The highest operation known: that of OTP 29.
pub const MAX_OPCODE: u8 = 191;

generic_ops! {
    /// Numbers this place in the code.
    1 Label = label(number: LabelNumber);
    /// Heads a function and raises `function_clause` when reached; the next label is the function's entry.
    2 FuncInfo = func_info(module: Atom, function: Atom, arity: Arity);
    /// Ends the module's code.
    3 IntCodeEnd = int_code_end();
    /// Calls a function of this module.
    4 Call = call(arity: Arity, function: Label);
    /// Frees the frame and continues in a function of this module.
    5 CallLast = call_last(arity: Arity, function: Label, frame: Frame);
    /// Continues in a function of this module; there is no frame.
    6 CallOnly = call_only(arity: Arity, function: Label);
    /// Calls an imported function.
    7 CallExt = call_ext(arity: Arity, function: Import);
    /// Frees the frame and continues in an imported function.
    8 CallExtLast = call_ext_last(arity: Arity, function: Import, frame: Frame);
    /// Calls a guard function without arguments, which cannot fail.
    9 Bif0 = bif0(function: Import, destination: Register);
    /// Calls a guard function that builds nothing; with a label, failure goes there, else it raises.
    10 Bif1 = bif1(fail: Fail, function: Import, source: Source, destination: Register);
    /// As `bif1`, with two arguments.
    11 Bif2 = bif2(fail: Fail, function: Import, left: Source, right: Source, destination: Register);
    /// Makes a frame; may collect, keeping the first `live` X registers.
    12 Allocate = allocate(frame: Frame, live: Live);
    /// Makes a frame and reserves heap space.
    13 AllocateHeap = allocate_heap(frame: Frame, heap: Heap, live: Live);
    /// As `allocate`, every slot set to `[]`. Emitted up to OTP 23.
    14 AllocateZero = allocate_zero(frame: Frame, live: Live);
    /// As `allocate_heap`, every slot set to `[]`. Emitted up to OTP 23.
    15 AllocateHeapZero = allocate_heap_zero(frame: Frame, heap: Heap, live: Live);
    /// Reserves heap space; may collect, keeping the first `live` X registers.
    16 TestHeap = test_heap(heap: Heap, live: Live);
    /// Sets a slot of the frame to `[]`. Emitted up to OTP 23.
    17 Init = init(slot: Y);
    /// Frees the frame.
    18 Deallocate = deallocate(frame: Frame);
    /// Returns x0 to the caller; there is no frame.
    19 Return = return();
    /// Sends x1 to x0 and leaves the message in x0.
    20 Send = send();
    /// Takes the current message out of the mailbox and ends the timeout.
    21 RemoveMessage = remove_message();
    /// Starts again at the front of the mailbox; the timeout has passed.
    22 Timeout = timeout();
    /// Puts the next message into x0, or goes to `wait` if there is none.
    23 LoopRec = loop_rec(wait: Label, destination: X0);
    /// Steps over the current message and goes to `again`.
    24 LoopRecEnd = loop_rec_end(again: Label);
    /// Sleeps until a message comes, then goes to `again`.
    25 Wait = wait(again: Label);
    /// Sleeps until a message comes (and goes to `again`) or the time in milliseconds has passed.
    26 WaitTimeout = wait_timeout(again: Label, time_ms: Source);
    27 MPlus = m_plus[4];
    28 MMinus = m_minus[4];
    29 MTimes = m_times[4];
    30 MDiv = m_div[4];
    31 IntDiv = int_div[4];
    32 IntRem = int_rem[4];
    33 IntBand = int_band[4];
    34 IntBor = int_bor[4];
    35 IntBxor = int_bxor[4];
    36 IntBsl = int_bsl[4];
    37 IntBsr = int_bsr[4];
    38 IntBnot = int_bnot[3];
    /// Goes on if `left < right`.
    39 IsLt = is_lt(fail: Label, left: Source, right: Source);
    /// Goes on if `left >= right`.
    40 IsGe = is_ge(fail: Label, left: Source, right: Source);
    /// Goes on if `left == right`.
    41 IsEq = is_eq(fail: Label, left: Source, right: Source);
    /// Goes on if `left /= right`.
    42 IsNe = is_ne(fail: Label, left: Source, right: Source);
    /// Goes on if `left =:= right`.
    43 IsEqExact = is_eq_exact(fail: Label, left: Source, right: Source);
    /// Goes on if `left =/= right`.
    44 IsNeExact = is_ne_exact(fail: Label, left: Source, right: Source);
    /// Goes on if it is an integer.
    45 IsInteger = is_integer(fail: Label, source: Source);
    /// Goes on if it is a float.
    46 IsFloat = is_float(fail: Label, source: Source);
    /// Goes on if it is a number.
    47 IsNumber = is_number(fail: Label, source: Source);
    /// Goes on if it is an atom.
    48 IsAtom = is_atom(fail: Label, source: Source);
    /// Goes on if it is a pid.
    49 IsPid = is_pid(fail: Label, source: Source);
    /// Goes on if it is a reference.
    50 IsReference = is_reference(fail: Label, source: Source);
    /// Goes on if it is a port.
    51 IsPort = is_port(fail: Label, source: Source);
    /// Goes on if it is `[]`.
    52 IsNil = is_nil(fail: Label, source: Source);
    /// Goes on if it is a binary (whole bytes).
    53 IsBinary = is_binary(fail: Label, source: Source);
    54 IsConstant = is_constant[2];
    /// Goes on if it is a list, empty or not.
    55 IsList = is_list(fail: Label, source: Source);
    /// Goes on if it is a list cell.
    56 IsNonemptyList = is_nonempty_list(fail: Label, source: Source);
    /// Goes on if it is a tuple.
    57 IsTuple = is_tuple(fail: Label, source: Source);
    /// Goes on if the tuple has `size` elements.
    58 TestArity = test_arity(fail: Label, source: Source, size: TupleSize);
    /// Goes where the value's label is; the list holds pairs of a constant and a label.
    59 SelectVal = select_val(source: Source, fail: Label, choices: List);
    /// Goes where the label of the tuple's size is; the list holds pairs of a size and a label.
    60 SelectTupleArity = select_tuple_arity(source: Register, fail: Label, choices: List);
    /// Goes to `target`.
    61 Jump = jump(target: Label);
    /// Marks a slot: an exception from here to `catch_end` goes to `handler`.
    62 Catch = catch(slot: Y, handler: Label);
    /// Ends a `catch`: x0 is the value, or the exception made into one.
    63 CatchEnd = catch_end(slot: Y);
    /// Copies `source` to `destination`.
    64 Move = move(source: Source, destination: Register);
    /// Takes a list cell apart.
    65 GetList = get_list(source: Register, head: Register, tail: Register);
    /// Reads an element of a tuple, counted from 0.
    66 GetTupleElement = get_tuple_element(source: Register, element: TupleSize, destination: Register);
    /// Overwrites an element of a tuple just made, counted from 0.
    67 SetTupleElement = set_tuple_element(source: Source, tuple: Register, element: TupleSize);
    68 PutString = put_string[3];
    /// Makes a list cell in reserved space.
    69 PutList = put_list(head: Source, tail: Source, destination: Register);
    70 PutTuple = put_tuple[2];
    71 Put = put[1];
    /// Raises `{badmatch, Value}`.
    72 Badmatch = badmatch(value: Source);
    /// Raises `if_clause`.
    73 IfEnd = if_end();
    /// Raises `{case_clause, Value}`.
    74 CaseEnd = case_end(value: Source);
    /// Calls the fun in the X register after the arguments.
    75 CallFun = call_fun(arity: Arity);
    76 MakeFun = make_fun[3];
    /// Goes on if it is a fun.
    77 IsFunction = is_function(fail: Label, source: Source);
    /// Continues in an imported function; there is no frame.
    78 CallExtOnly = call_ext_only(arity: Arity, function: Import);
    79 BsStartMatch = bs_start_match[2];
    80 BsGetInteger = bs_get_integer[5];
    81 BsGetFloat = bs_get_float[5];
    82 BsGetBinary = bs_get_binary[5];
    83 BsSkipBits = bs_skip_bits[4];
    84 BsTestTail = bs_test_tail[2];
    85 BsSave = bs_save[1];
    86 BsRestore = bs_restore[1];
    87 BsInit = bs_init[2];
    88 BsFinal = bs_final[2];
    /// Appends an integer to the binary being built. Emitted up to OTP 24.
    89 BsPutInteger = bs_put_integer(fail: Fail, size: Source, unit: Number, flags: Number, source: Source);
    /// Appends a binary to the binary being built. Emitted up to OTP 24.
    90 BsPutBinary = bs_put_binary(fail: Fail, size: Source, unit: Number, flags: Number, source: Source);
    /// Appends a float to the binary being built. Emitted up to OTP 24.
    91 BsPutFloat = bs_put_float(fail: Fail, size: Source, unit: Number, flags: Number, source: Source);
    /// Appends bytes of the string table to the binary being built. Emitted up to OTP 24.
    92 BsPutString = bs_put_string(bytes: Number, offset: Number);
    93 BsNeedBuf = bs_need_buf[1];
    /// Did nothing of use since OTP 21; emitted up to OTP 23.
    94 Fclearerror = fclearerror();
    /// Did nothing of use since OTP 21; emitted up to OTP 23.
    95 Fcheckerror = fcheckerror(fail: Fail);
    /// Moves between a float register and a term, either way.
    96 Fmove = fmove(source: SourceOrFloat, destination: RegisterOrFloat);
    /// Converts a number to a float.
    97 Fconv = fconv(source: Source, destination: Float);
    /// Adds floats.
    98 Fadd = fadd(fail: Fail, left: Float, right: Float, destination: Float);
    /// Subtracts floats.
    99 Fsub = fsub(fail: Fail, left: Float, right: Float, destination: Float);
    /// Multiplies floats.
    100 Fmul = fmul(fail: Fail, left: Float, right: Float, destination: Float);
    /// Divides floats.
    101 Fdiv = fdiv(fail: Fail, left: Float, right: Float, destination: Float);
    /// Negates a float.
    102 Fnegate = fnegate(fail: Fail, source: Float, destination: Float);
    /// Makes a fun in x0 from the X registers. Emitted up to OTP 23.
    103 MakeFun2 = make_fun2(lambda: Lambda);
    /// Marks a slot: an exception from here to `try_end` goes to `handler`.
    104 Try = try(slot: Y, handler: Label);
    /// Ends the protected part.
    105 TryEnd = try_end(slot: Y);
    /// Begins the handler: x0 the class, x1 the reason, x2 the raw stack trace.
    106 TryCase = try_case(slot: Y);
    /// Raises `{try_clause, Value}`.
    107 TryCaseEnd = try_case_end(value: Source);
    /// Raises a caught exception again.
    108 Raise = raise(stacktrace: Source, reason: Source);
    /// Begins a binary of a number of bytes. Emitted up to OTP 24.
    109 BsInit2 = bs_init2(fail: Fail, size: Size, heap: Heap, live: Live, flags: Number, destination: Register);
    110 BsBitsToBytes = bs_bits_to_bytes[3];
    /// Computes `left + right * unit` for a size. Emitted up to OTP 24.
    111 BsAdd = bs_add(fail: Fail, left: Source, right: Source, unit: Number, destination: Register);
    /// Calls the function named by the two X registers after the arguments.
    112 Apply = apply(arity: Arity);
    /// Frees the frame and continues as `apply`.
    113 ApplyLast = apply_last(arity: Arity, frame: Frame);
    /// Goes on if it is `true` or `false`.
    114 IsBoolean = is_boolean(fail: Label, source: Source);
    /// Goes on if it is a fun of that arity.
    115 IsFunction2 = is_function2(fail: Label, source: Source, arity: Source);
    116 BsStartMatch2 = bs_start_match2[5];
    /// Reads an integer from a match context.
    117 BsGetInteger2 = bs_get_integer2(fail: Label, context: Register, live: Live, size: Source, unit: Number, flags: Number, destination: Register);
    /// Reads a float from a match context.
    118 BsGetFloat2 = bs_get_float2(fail: Label, context: Register, live: Live, size: Source, unit: Number, flags: Number, destination: Register);
    /// Reads a bit string from a match context.
    119 BsGetBinary2 = bs_get_binary2(fail: Label, context: Register, live: Live, size: Source, unit: Number, flags: Number, destination: Register);
    /// Skips bits of a match context.
    120 BsSkipBits2 = bs_skip_bits2(fail: Label, context: Register, size: Source, unit: Number, flags: Number);
    /// Goes on if exactly that many bits are left.
    121 BsTestTail2 = bs_test_tail2(fail: Label, context: Register, bits: NumberOrOverflow);
    122 BsSave2 = bs_save2[2];
    123 BsRestore2 = bs_restore2[2];
    /// Calls a guard function that may build; may collect, keeping the first `live` X registers.
    124 GcBif1 = gc_bif1(fail: Fail, live: Live, function: Import, source: Source, destination: Register);
    /// As `gc_bif1`, with two arguments.
    125 GcBif2 = gc_bif2(fail: Fail, live: Live, function: Import, left: Source, right: Source, destination: Register);
    126 BsFinal2 = bs_final2[2];
    127 BsBitsToBytes2 = bs_bits_to_bytes2[2];
    128 PutLiteral = put_literal[2];
    /// Goes on if it is a bit string.
    129 IsBitstr = is_bitstr(fail: Label, source: Source);
    130 BsContextToBinary = bs_context_to_binary[1];
    /// Goes on if the bits that are left are a multiple of `unit`.
    131 BsTestUnit = bs_test_unit(fail: Label, context: Register, unit: Number);
    /// Goes on if the next bits equal those in the string table.
    132 BsMatchString = bs_match_string(fail: Label, context: Register, bits: Number, offset: Number);
    /// Makes an empty binary that can be appended to, sized by x0.
    133 BsInitWritable = bs_init_writable();
    /// Begins a binary by appending to one. Emitted up to OTP 24.
    134 BsAppend = bs_append(fail: Fail, size: Source, heap: Heap, live: Live, unit: Number, source: Source, flags: Number, destination: Register);
    /// As `bs_append`, where nobody else holds the binary. Emitted up to OTP 24.
    135 BsPrivateAppend = bs_private_append(fail: Fail, size: Source, unit: Number, source: Source, flags: Number, destination: Register);
    /// Drops the first slots of the frame.
    136 Trim = trim(slots: Frame, remaining: Frame);
    /// Begins a bit string of a number of bits. Emitted up to OTP 24.
    137 BsInitBits = bs_init_bits(fail: Fail, size: Size, heap: Heap, live: Live, flags: Number, destination: Register);
    /// Reads a UTF-8 character from a match context.
    138 BsGetUtf8 = bs_get_utf8(fail: Label, context: Register, live: Live, flags: Number, destination: Register);
    /// Skips a UTF-8 character.
    139 BsSkipUtf8 = bs_skip_utf8(fail: Label, context: Register, live: Live, flags: Number);
    /// Reads a UTF-16 character from a match context.
    140 BsGetUtf16 = bs_get_utf16(fail: Label, context: Register, live: Live, flags: Number, destination: Register);
    /// Skips a UTF-16 character.
    141 BsSkipUtf16 = bs_skip_utf16(fail: Label, context: Register, live: Live, flags: Number);
    /// Reads a UTF-32 character from a match context.
    142 BsGetUtf32 = bs_get_utf32(fail: Label, context: Register, live: Live, flags: Number, destination: Register);
    /// Skips a UTF-32 character.
    143 BsSkipUtf32 = bs_skip_utf32(fail: Label, context: Register, live: Live, flags: Number);
    /// Computes the bytes of a character in UTF-8. Emitted up to OTP 24.
    144 BsUtf8Size = bs_utf8_size(fail: Fail, source: Source, destination: Register);
    /// Appends a character in UTF-8. Emitted up to OTP 24.
    145 BsPutUtf8 = bs_put_utf8(fail: Fail, flags: Number, source: Source);
    /// Computes the bytes of a character in UTF-16. Emitted up to OTP 24.
    146 BsUtf16Size = bs_utf16_size(fail: Fail, source: Source, destination: Register);
    /// Appends a character in UTF-16. Emitted up to OTP 24.
    147 BsPutUtf16 = bs_put_utf16(fail: Fail, flags: Number, source: Source);
    /// Appends a character in UTF-32. Emitted up to OTP 24.
    148 BsPutUtf32 = bs_put_utf32(fail: Fail, flags: Number, source: Source);
    /// Marks the function that runs when the module is loaded.
    149 OnLoad = on_load();
    /// Remembers the end of the mailbox. Emitted up to OTP 23.
    150 RecvMark = recv_mark(receive: Label);
    /// Lets the next `receive` begin at the remembered place. Emitted up to OTP 23.
    151 RecvSet = recv_set(receive: Label);
    /// As `gc_bif1`, with three arguments.
    152 GcBif3 = gc_bif3(fail: Fail, live: Live, function: Import, first: Source, second: Source, third: Source, destination: Register);
    /// Gives the source line of what follows.
    153 Line = line(location: Line);
    /// Makes a map with keys added or changed; the list holds pairs of a key and a value.
    154 PutMapAssoc = put_map_assoc(fail: Fail, source: Source, destination: Register, live: Live, pairs: List);
    /// Makes a map with keys changed that must be there; the list holds pairs of a key and a value.
    155 PutMapExact = put_map_exact(fail: Fail, source: Source, destination: Register, live: Live, pairs: List);
    /// Goes on if it is a map.
    156 IsMap = is_map(fail: Label, source: Source);
    /// Goes on if the map has all keys of the list.
    157 HasMapFields = has_map_fields(fail: Label, source: Source, keys: List);
    /// Reads values of a map; the list holds pairs of a key and a destination.
    158 GetMapElements = get_map_elements(fail: Label, source: Source, pairs: List);
    /// Goes on if it is a tuple of that size with that first element.
    159 IsTaggedTuple = is_tagged_tuple(fail: Label, source: Source, size: TupleSize, first: Atom);
    /// Makes a stack trace fit for programs out of the raw one in x0.
    160 BuildStacktrace = build_stacktrace();
    /// Raises with class x0, reason x1, raw stack trace x2; with a bad class x0 becomes `badarg`.
    161 RawRaise = raw_raise();
    /// Reads the head of a list cell.
    162 GetHd = get_hd(source: Register, head: Register);
    /// Reads the tail of a list cell.
    163 GetTl = get_tl(source: Register, tail: Register);
    /// Makes a tuple of the list in reserved space.
    164 PutTuple2 = put_tuple2(destination: Register, elements: List);
    /// Makes a bit string of what is left in a match context.
    165 BsGetTail = bs_get_tail(context: Register, destination: Register, live: Live);
    /// Begins to match a bit string.
    166 BsStartMatch3 = bs_start_match3(fail: Fail, source: Source, live: Live, destination: Register);
    /// Reads the position of a match context.
    167 BsGetPosition = bs_get_position(context: Register, destination: Register, live: Live);
    /// Sets the position of a match context.
    168 BsSetPosition = bs_set_position(context: Register, position: Register);
    /// Exchanges two registers.
    169 Swap = swap(left: Register, right: Register);
    /// As `bs_start_match3`; instead of a label, `no_fail` (it is a bit string) or `resume` (a context).
    170 BsStartMatch4 = bs_start_match4(fail: LabelOrAtom, live: Live, source: Source, destination: Register);
    /// Makes a fun whose environment is the list, in reserved space.
    171 MakeFun3 = make_fun3(lambda: Lambda, destination: Register, environment: List);
    /// Sets slots of the frame to `[]`.
    172 InitYregs = init_yregs(slots: List);
    /// Ties a receive marker to a reference.
    173 RecvMarkerBind = recv_marker_bind(marker: Register, reference: Register);
    /// Forgets the marker of a reference.
    174 RecvMarkerClear = recv_marker_clear(reference: Register);
    /// Makes a receive marker at the end of the mailbox.
    175 RecvMarkerReserve = recv_marker_reserve(marker: Register);
    /// Lets the next `receive` begin at the marker of a reference.
    176 RecvMarkerUse = recv_marker_use(reference: Register);
    /// Makes a bit string of segments: type, number, unit, flags, value, size for each.
    177 BsCreateBin = bs_create_bin(fail: Fail, heap: Heap, live: Live, unit: Number, destination: Register, segments: List);
    /// Calls a fun: `safe` or `unsafe` says whether it is known to be one of this arity, or it is a lambda of this module.
    178 CallFun2 = call_fun2(tag: AtomOrLambda, arity: Arity, function: Register);
    /// Marks a function that a NIF may replace.
    179 NifStart = nif_start();
    /// Raises `{badrecord, Value}`.
    180 Badrecord = badrecord(value: Source);
    /// Makes a tuple with elements changed; the list holds pairs of a position and a value. Since OTP 26.
    181 UpdateRecord = update_record(hint: Atom, size: TupleSize, source: Source, destination: Register, updates: List);
    /// Matches several segments; the list holds the commands. Since OTP 26.
    182 BsMatch = bs_match(fail: Fail, context: Register, commands: List);
    /// Counts the execution of a line, for `cover`. Since OTP 27.
    183 ExecutableLine = executable_line(location: Line, index: Number);
    /// A place where a debugger may stop. Since OTP 28.
    184 DebugLine = debug_line(kind: Atom, location: Line, index: Number, live: Live);
    /// As `bif1`, with three arguments. Since OTP 29.
    185 Bif3 = bif3(fail: Fail, function: Import, first: Source, second: Source, third: Source, destination: Register);
    /// Goes on if it is a native record. Since OTP 29.
    186 IsAnyNativeRecord = is_any_native_record(fail: Label, source: Source);
    /// Goes on if it is a native record of that module and name. Since OTP 29.
    187 IsNativeRecord = is_native_record(fail: Label, source: Source, module: Source, name: Source);
    /// Reads fields of a native record; the list holds pairs of a field and a destination. Since OTP 29.
    188 GetRecordElements = get_record_elements(fail: Label, source: Source, pairs: List);
    /// Makes a native record; the list holds pairs of a field and a value. Since OTP 29.
    189 PutRecord = put_record(fail: Fail, id: Source, source: Source, destination: Register, live: Live, pairs: List);
    /// Goes on if the fields of the native record may be read from this module. Since OTP 29.
    190 IsRecordAccessible = is_record_accessible(fail: Label, source: Source, module: Source);
    /// Reads one field of a native record. Since OTP 29.
    191 GetRecordField = get_record_field(fail: Fail, source: Source, id: Source, field: Source, destination: Register);
}

/// Where control goes after an operation, besides the labels that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// To the next instruction.
    Next,
    /// Never to the next instruction.
    Stop,
}

/// What the decoder needs of a row, for every value of an operation's byte.
type Loaded = Option<(GenericOp, &'static [Kind])>;

static LOADED: [Loaded; 256] = {
    let mut loaded: [Loaded; 256] = [None; 256];
    let mut index = 0;
    while index < ROWS.len() {
        if ROWS[index].withdrawn_arity.is_empty() {
            loaded[index + 1] = Some((ROWS[index].op, ROWS[index].kinds));
        }
        index += 1;
    }
    loaded
};

impl GenericOp {
    /// The operation of that number and what its operands are, if it is not withdrawn.
    #[inline]
    pub(crate) fn loaded(code: u8) -> Loaded {
        LOADED[usize::from(code)]
    }

    /// The operation of that number, withdrawn ones included.
    #[inline]
    pub fn from_code(code: u8) -> Option<Self> {
        ROWS.get(usize::from(code).wrapping_sub(1))
            .map(|row| row.op)
    }

    /// Every operation, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.op)
    }

    #[inline]
    fn row(self) -> &'static Row {
        &ROWS[self as usize - 1]
    }

    /// The name that OTP gives it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// How many operands it has in the file, a list counting as one.
    pub fn arity(self) -> usize {
        let row = self.row();
        row.withdrawn_arity
            .first()
            .map_or(row.kinds.len(), |arity| usize::from(*arity))
    }

    /// Whether no release since OTP 25 loads it.
    #[inline]
    pub fn is_withdrawn(self) -> bool {
        !self.row().withdrawn_arity.is_empty()
    }

    /// What its operands are; empty if it is withdrawn.
    #[inline]
    pub fn kinds(self) -> &'static [Kind] {
        self.row().kinds
    }

    /// How its operands are called; empty if it is withdrawn.
    pub fn fields(self) -> &'static [&'static str] {
        self.row().fields
    }

    /// What it does, in a sentence; empty if it is withdrawn.
    pub fn doc(self) -> &'static str {
        self.row().doc.trim()
    }

    /// Whether control can reach the next instruction.
    pub fn flow(self) -> Flow {
        use GenericOp::*;
        match self {
            FuncInfo | IntCodeEnd | CallLast | CallOnly | CallExtLast | CallExtOnly | Return
            | LoopRecEnd | Wait | SelectVal | SelectTupleArity | Jump | Badmatch | IfEnd
            | CaseEnd | TryCaseEnd | Raise | ApplyLast | Badrecord => Flow::Stop,
            _ => Flow::Next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_numbers() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.op as usize, index + 1, "{}", row.name);
            assert!(
                row.withdrawn_arity.is_empty() || row.kinds.is_empty(),
                "{}",
                row.name
            );
        }
        assert_eq!(GenericOp::from_code(0), None);
        assert_eq!(GenericOp::from_code(192), None);
    }

    #[test]
    fn lists_come_last() {
        for op in GenericOp::all() {
            let lists = op
                .kinds()
                .iter()
                .filter(|kind| **kind == Kind::List)
                .count();
            assert!(
                lists == 0 || lists == 1 && op.kinds().last() == Some(&Kind::List),
                "{}",
                op.name()
            );
        }
    }

    #[test]
    fn names_and_arities() {
        let check = |op: GenericOp, name, arity| assert_eq!((op.name(), op.arity()), (name, arity));
        check(GenericOp::Move, "move", 2);
        check(GenericOp::Try, "try", 2);
        check(GenericOp::PutTuple, "put_tuple", 2);
        check(GenericOp::BsCreateBin, "bs_create_bin", 6);
        check(GenericOp::BsAppend, "bs_append", 8);
        assert_eq!(GenericOp::Move.doc(), "Copies `source` to `destination`.");
    }
}
