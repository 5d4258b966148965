//! Native functions put in place of a module's own.

use super::Instr;
use super::module::Module;
use crate::bif::BifEntry;

/// A native function that the module has no function for.
#[derive(Clone, Copy)]
pub struct NoSuchFunction(pub &'static BifEntry);

/// Lets calls of a module's functions run native ones of the same names.
///
/// To be called by the module's own `on_load` code (or at boot), when no other process can run it.
pub fn install(module: &Module, natives: &'static [BifEntry]) -> Result<(), NoSuchFunction> {
    let mut places = Vec::with_capacity(natives.len());
    for native in natives {
        let place = module.functions().iter().position(|function| {
            function.name.name() == native.function
                && function.arity as usize == native.arity as usize
        });
        places.push((place.ok_or(NoSuchFunction(native))?, native));
    }
    for (place, native) in places {
        let instruction = Instr::CallNative {
            native: std::ptr::from_ref(native) as u64,
        };
        // SAFETY:
        // 1. By contract no other process runs the module.
        // 2. The arity of the native function is that of the function it replaces.
        unsafe { module.replace_entry(place, instruction) };
    }
    Ok(())
}
