//! Modules that come and go.

use super::tracepoint;
use crate::operations;

tracepoint!(
    /// `module_load(struct module *mod)`, `include/trace/events/module.h`, 5.10 to 7.2: before anything of
    /// the module runs (`load_module`, `kernel/module/main.c`).
    zc_module_load, zc_module_load_raw, "module_load", |arguments| operations::forget_all()
);

tracepoint!(
    /// `module_free(struct module *mod)`, 5.10 to 7.2: before its memory is given away.
    zc_module_free, zc_module_free_raw, "module_free", |arguments| operations::forget_all()
);
