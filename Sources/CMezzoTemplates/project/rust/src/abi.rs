//! mezzo_backend.h in Rust: the structs of ABI 1.0, field by field, and the constants that this backend uses.
//! The header is the contract; take further constants from it. Structs only grow at their end.
#![allow(dead_code)]

use std::ffi::{c_char, c_void};

pub type Status = i32;
pub const OK: Status = 0;
pub const UNSUPPORTED: Status = 1;
pub const INTERNAL: Status = 4;

pub const WHY_NONE: u32 = 0;
pub const WHY_OP: u32 = 1;
pub const WHY_DTYPE: u32 = 2;
pub const WHY_ACCUM: u32 = 3;
pub const WHY_SHAPE: u32 = 4;
pub const WHY_ATTR: u32 = 11;

pub const FLOAT: u8 = 2;
pub const OP_MATMUL: u32 = 1;
pub const OP_RELU: u32 = 40;
pub const R_DETERMINISTIC: u32 = 1;
pub const R_REENTRANT: u32 = 2;
pub const R_INPLACE_OK: u32 = 4;

#[repr(C)]
pub struct Error {
    pub struct_size: u32,
    pub code: i32,
    pub why: u32,
    pub operand: u32,
    pub msg: *mut c_char,
    pub msg_cap: u32,
    pub msg_len: u32,
}

#[repr(C)]
pub struct Call {
    pub struct_size: u32,
    pub flags: u32,
    pub err: *mut Error,
    pub next: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
pub struct DType {
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
}

#[repr(C)]
pub struct Device {
    pub kind: i32,
    pub id: i32,
}

#[repr(C)]
pub struct Tensor {
    pub data: *mut c_void,
    pub device: Device,
    pub ndim: i32,
    pub dtype: DType,
    pub shape: *mut i64,
    pub strides: *mut i64,
    pub byte_offset: u64,
    pub layout: u32,
    pub flags: u32,
    pub nbytes: u64,
    pub mem: u64,
    pub quant: *const c_void,
}

#[repr(C)]
pub struct Tensors {
    pub at: *mut Tensor,
    pub count: u32,
    pub stride: u32,
}

#[repr(C)]
pub struct Numerics {
    pub accum: DType,
    pub rounding: u8,
    pub denormals: u8,
    pub deterministic: u8,
    pub math_mode: u8,
    pub rel_tol: f32,
    pub reserved: u32,
}

#[repr(C)]
pub struct Operand {
    pub dtype: DType,
    pub ndim: i32,
    pub flags: u32,
    pub layout: u32,
    pub shape: *const i64,
    pub strides: *const i64,
    pub quant: *const c_void,
    pub pack_key: [u64; 2],
}

#[repr(C)]
pub struct Op {
    pub struct_size: u32,
    pub op: u32,
    pub name: *const c_char,
    pub operands: *const Operand,
    pub n_in: u32,
    pub n_out: u32,
    pub operand_stride: u32,
    pub n_attrs: u32,
    pub attrs: *const c_void,
    pub epilogue: *const c_void,
    pub n_epilogue: u32,
    pub attr_stride: u32,
    pub epilogue_stride: u32,
    pub reserved: u32,
    pub want: Numerics,
}

#[repr(C)]
pub struct Cost {
    pub fixed_ns: f64,
    pub flop_per_ns: f64,
    pub byte_per_ns: f64,
    pub pack_byte_per_ns: f64,
}

#[repr(C)]
pub struct Rule {
    pub struct_size: u32,
    pub op: u32,
    pub name: *const c_char,
    pub sig: *const c_char,
    pub when: *const c_char,
    pub numerics: Numerics,
    pub flags: u32,
    pub epilogue_mask: u32,
    pub align: u32,
    pub reserved: u32,
    pub cost: Cost,
}

#[repr(C)]
pub struct OpenArgs {
    pub h: Call,
    pub host: *const c_void,
    pub this: *mut c_void,
}

#[repr(C)]
pub struct PlanArgs {
    pub h: Call,
    pub op: *const Op,
    pub rule: u32,
    pub threads: u32,
    pub plan: *mut c_void,
    pub workspace: u64,
    pub packed_bytes: u64,
    pub pack_key: [u64; 2],
    pub n_epilogue: u32,
    pub packed_operand: u32,
}

#[repr(C)]
pub struct ExecArgs {
    pub h: Call,
    pub plan: *mut c_void,
    pub inputs: Tensors,
    pub outputs: Tensors,
    pub workspace: *mut c_void,
    pub stream: u64,
}

#[repr(C)]
pub struct ReleaseArgs {
    pub h: Call,
    pub plan: *mut c_void,
}

#[repr(C)]
pub struct Offer {
    pub struct_size: u32,
    pub major: u16,
    pub min_minor: u16,
    pub max_minor: u16,
    pub reserved: u16,
}

#[repr(C)]
pub struct Backend {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub id: *const c_char,
    pub version: *const c_char,
    pub vendor: *const c_char,
    pub build: *const c_char,
    pub rules: *const Rule,
    pub n_rules: u32,
    pub rule_stride: u32,
    pub open: Option<unsafe extern "C" fn(*mut c_void, *mut OpenArgs) -> Status>,
    pub close: Option<unsafe extern "C" fn(*mut c_void, *mut Call) -> Status>,
    pub plan: Option<unsafe extern "C" fn(*mut c_void, *mut PlanArgs) -> Status>,
    pub pack: *const c_void,
    pub execute: Option<unsafe extern "C" fn(*mut c_void, *mut ExecArgs) -> Status>,
    pub release: Option<unsafe extern "C" fn(*mut c_void, *mut ReleaseArgs) -> Status>,
    pub extension: *const c_void,
}

// The tables only point at constants and functions.
unsafe impl Sync for Backend {}
unsafe impl Sync for Rule {}
