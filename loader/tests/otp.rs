//! Everything that OTP ships is accepted, and is what it was.

mod common;

use loader::{BeamFile, Disassembly, GenericOp, Label, LoadError, Operand, uncompressed};

#[test]
fn every_beam_of_otp_parses() {
    let Some(root) = common::otp_root() else {
        return;
    };
    let beams = common::beams(&root);
    let mut refused = Vec::new();
    let (mut functions, mut instructions) = (0, 0);
    for path in &beams {
        let bytes = std::fs::read(path).expect("a readable file");
        let bytes = uncompressed(&bytes).expect("not compressed, or rightly so");
        match BeamFile::parse(&bytes) {
            Ok(file) => {
                assert_eq!(
                    Some(file.module()),
                    path.file_stem().and_then(|stem| stem.to_str())
                );
                file.locals().expect("a table of locals");
                functions += file.code().functions().len();
                instructions += file.code().len();
            }
            Err(error) => refused.push(format!("{}: {error}", path.display())),
        }
    }
    assert!(
        refused.is_empty(),
        "{} of {} refused:\n{}",
        refused.len(),
        beams.len(),
        refused.join("\n")
    );
    assert!(beams.len() > 100, "this is no OTP");
    println!(
        "{} modules, {functions} functions, {instructions} instructions",
        beams.len()
    );
}

#[test]
fn the_sample_is_what_it_was_compiled_from() {
    let file = BeamFile::parse(common::SAMPLE).expect("a good file");
    let exported: Vec<_> = file
        .exports()
        .iter()
        .map(|export| (file.atom(export.function), export.arity))
        .collect();
    for function in [
        ("sum", 1),
        ("parse", 1),
        ("build", 2),
        ("serve", 0),
        ("module_info", 0),
        ("module_info", 1),
    ] {
        assert!(exported.contains(&function), "{function:?}");
    }
    assert!(file.atoms().any(|atom| atom == "quoted atom"));
    assert_eq!(file.strings(), b"T abc");
    assert_eq!(file.lambdas().len(), 1);
    assert_eq!(file.lambdas()[0].fun_arity(), 2);
    assert!(file.types().len() > 1);
    assert!(file.chunk(b"Attr").is_some());
    let sum = &file.code().functions()[0];
    assert_eq!((file.atom(sum.name), sum.arity), ("sum", 1));
    let line = file
        .lines()
        .expect("a line table")
        .location(sum.line.expect("a line"))
        .expect("a location");
    assert_eq!((line.file, line.line), (0, 5));
    assert_eq!(
        file.code().op(sum.entry_op).args,
        [Operand::Unsigned(u64::from(sum.entry.0))]
    );
    assert_eq!(file.code().label(Label(0)), None);
    let last = file.code().ops().last().expect("never empty");
    assert_eq!(last.op, GenericOp::IntCodeEnd);
}

#[test]
fn the_disassembly_reads_like_the_compilers_listing() {
    let file = BeamFile::parse(common::SAMPLE).expect("a good file");
    let text = Disassembly::new(&file)
        .literals(&|external| format!("{} bytes", external.len()))
        .to_string();
    for line in [
        "{module, lintel_sample}.  %% version = 0",
        "{function, sum, 1, 2}.",
        "  {label,2}.",
        "    {line,[{location,\"lintel_sample.erl\",5}]}.",
        "    {func_info,{atom,lintel_sample},{atom,sum},1}.",
        "    {call_ext_only,3,{extfunc,lists,foldl,3}}.",
        "    {test,is_tuple,{f,",
        "    {gc_bif,'+',{f,0},2,[",
        "{integer,-16#10000000000000001},{f,29},{integer,16#400000000000000000},{f,29}]}}.",
        "    {allocate,",
        "    return.",
        "{literal,9 bytes}",
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn a_file_may_be_compressed_as_a_whole() {
    use std::io::Write;
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(common::SAMPLE).expect("memory");
    let zipped = zip.finish().expect("memory");
    let bytes = uncompressed(&zipped).expect("a gzip file");
    assert_eq!(
        BeamFile::parse(&bytes).expect("a good file").module(),
        "lintel_sample"
    );
    assert_eq!(BeamFile::parse(&zipped).err(), Some(LoadError::BadMagic));
    assert_eq!(
        uncompressed(&zipped[..zipped.len() - 9]).err(),
        Some(LoadError::BadCompression { chunk: "file" })
    );
}
