//! A small Mezzo backend: matrix products and relu in float32. Change it step by step, along the numbers.
//!
//! The contract is mezzo_backend.h, of which abi.rs is the Rust side. No panic leaves an entry point: `guarded` turns it
//! into a status.
mod abi;

use abi::*;
use std::ffi::{c_char, c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{copy_nonoverlapping, null, null_mut};
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// 1. How kernels say no.
struct Decline(u32, &'static str);

/// Writes into the caller's buffer, which is all that it shows of an error.
unsafe fn report(err: *mut Error, status: Status, why: u32, text: &str) -> Status {
    let Some(err) = err.as_mut() else { return status };
    err.code = status;
    err.why = why;
    err.operand = u32::MAX;
    err.msg_len = 0;
    if err.msg.is_null() || err.msg_cap == 0 {
        return status;
    }
    let length = text.len().min(err.msg_cap as usize - 1);
    copy_nonoverlapping(text.as_ptr(), err.msg as *mut u8, length);
    *err.msg.add(length) = 0;
    err.msg_len = length as u32;
    status
}

unsafe fn guarded(err: *mut Error, body: impl FnOnce() -> Result<(), Decline>) -> Status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => OK,
        Ok(Err(Decline(why, text))) => report(err, UNSUPPORTED, why, text),
        Err(_) => report(err, INTERNAL, WHY_NONE, "a panic"),
    }
}

/// Structs may grow in later versions of the ABI, so arrays of them are walked with the distance that comes with them.
unsafe fn element<'a, T>(first: *const T, stride: u32, index: u32) -> &'a T {
    &*first.byte_add(index as usize * stride as usize)
}

unsafe fn data(tensors: &Tensors, index: u32) -> *mut f32 {
    let tensor = element(tensors.at as *const Tensor, tensors.stride, index);
    tensor.data.byte_add(tensor.byte_offset as usize) as *mut f32
}

/// A slice also of nothing, for which the host may hand over NULL.
unsafe fn slice<'a>(tensors: &Tensors, index: u32, count: usize) -> &'a [f32] {
    if count == 0 { &[] } else { from_raw_parts(data(tensors, index), count) }
}

unsafe fn slice_mut<'a>(tensors: &Tensors, index: u32, count: usize) -> &'a mut [f32] {
    if count == 0 { &mut [] } else { from_raw_parts_mut(data(tensors, index), count) }
}

/// 2. What one rule does with one list of shapes. It is made once by plan and only read after that, on any thread.
enum Plan {
    MatMul { batch: usize, m: usize, k: usize, n: usize },
    Relu { count: usize },
}

fn product(extents: &[i64]) -> Result<usize, Decline> {
    extents
        .iter()
        .try_fold(1usize, |count, &extent| count.checked_mul(usize::try_from(extent).ok()?))
        .filter(|count| count.checked_mul(4).is_some())
        .ok_or(Decline(WHY_SHAPE, "takes what memory holds"))
}

fn take_matmul(shapes: &[&[i64]]) -> Result<Plan, Decline> {
    let [a, b, c] = shapes else { return Err(Decline(WHY_SHAPE, "takes two operands")) };
    let rank = a.len();
    if rank < 2 || b.len() != rank || c.len() != rank {
        return Err(Decline(WHY_SHAPE, "takes matrices of one rank"));
    }
    let lead = rank - 2;
    if a[..lead] != b[..lead] || a[..lead] != c[..lead] {
        return Err(Decline(WHY_SHAPE, "takes the same leading extents for all"));
    }
    if a[lead + 1] != b[lead] || a[lead] != c[lead] || b[lead + 1] != c[lead + 1] {
        return Err(Decline(WHY_SHAPE, "takes A[m,k], B[k,n] and C[m,n]"));
    }
    for shape in shapes {
        product(shape)?;
    }
    Ok(Plan::MatMul {
        batch: product(&a[..lead])?,
        m: a[lead] as usize,
        k: a[lead + 1] as usize,
        n: b[lead + 1] as usize,
    })
}

fn take_relu(shapes: &[&[i64]]) -> Result<Plan, Decline> {
    if shapes[0] != shapes[1] {
        return Err(Decline(WHY_SHAPE, "takes operand and result of one shape"));
    }
    Ok(Plan::Relu { count: product(shapes[0])? })
}

/// 3. Mezzo has matched the rule before it calls; this still checks all that the kernels rely on, and declines.
unsafe fn plan(args: &PlanArgs) -> Result<Plan, Decline> {
    let op = &*args.op;
    let (code, own) = match args.rule {
        0 => (OP_MATMUL, 2),
        1 => (OP_RELU, 1),
        _ => return Err(Decline(WHY_OP, "has two rules")),
    };
    if op.op != code {
        return Err(Decline(WHY_OP, "takes matmul and relu"));
    }
    // Operands of an epilogue may stand behind the operation's own.
    if op.n_in < own || op.n_in > own + op.n_epilogue || op.n_out != 1 {
        return Err(Decline(WHY_SHAPE, "takes another number of operands or results"));
    }
    if op.n_attrs > 0 {
        return Err(Decline(WHY_ATTR, "takes no attributes"));
    }
    if op.want.accum.code == FLOAT && op.want.accum.bits > 32 {
        return Err(Decline(WHY_ACCUM, "accumulates in float32"));
    }
    let mut shapes: Vec<&[i64]> = Vec::new();
    for index in (0..own).chain([op.n_in]) {
        let operand: &Operand = element(op.operands, op.operand_stride, index);
        if operand.dtype != (DType { code: FLOAT, bits: 32, lanes: 1 }) {
            return Err(Decline(WHY_DTYPE, "takes float32"));
        }
        let rank = operand.ndim as usize;
        shapes.push(if rank == 0 { &[] } else { from_raw_parts(operand.shape, rank) });
    }
    if args.rule == 0 { take_matmul(&shapes) } else { take_relu(&shapes) }
}

fn matmul(batch: usize, m: usize, k: usize, n: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    for row in 0..batch * m {
        let out = &mut c[row * n..(row + 1) * n];
        out.fill(0.0);
        for l in 0..k {
            // A mistake to see the kit catch: take "// WRONG: " away, then `make check`.
            // WRONG: if l % 8 == 7 { continue; }
            let left = a[row * k + l];
            let start = (row / m * k + l) * n;
            for (sum, right) in out.iter_mut().zip(&b[start..start + n]) {
                *sum += left * right;
            }
        }
    }
}

unsafe extern "C" fn backend_open(_: *mut c_void, args: *mut OpenArgs) -> Status {
    // 4. Look here for what the backend depends on, and decline with a text that says how to get it.
    (*args).this = null_mut();
    OK
}

unsafe extern "C" fn backend_close(_: *mut c_void, _: *mut Call) -> Status {
    OK
}

unsafe extern "C" fn backend_plan(_: *mut c_void, args: *mut PlanArgs) -> Status {
    guarded((*args).h.err, || {
        (*args).plan = Box::into_raw(Box::new(plan(&*args)?)) as *mut c_void;
        (*args).workspace = 0; // scratch bytes that each execute gets
        (*args).packed_bytes = 0; // no operand is rearranged ahead of time
        (*args).n_epilogue = 0; // no step that follows is done here
        Ok(())
    })
}

unsafe extern "C" fn backend_execute(_: *mut c_void, args: *mut ExecArgs) -> Status {
    let args = &*args;
    guarded(args.h.err, || {
        match *(args.plan as *const Plan) {
            Plan::MatMul { batch, m, k, n } => matmul(
                batch, m, k, n,
                slice(&args.inputs, 0, batch * m * k),
                slice(&args.inputs, 1, batch * k * n),
                slice_mut(&args.outputs, 0, batch * m * n),
            ),
            Plan::Relu { count } => {
                // Pointers, because the result may be the very memory of the operand, which two slices may not share.
                let (x, y) = (data(&args.inputs, 0), data(&args.outputs, 0));
                for i in 0..count {
                    let value = *x.add(i);
                    // Written so that NaN stays NaN, as the header asks.
                    *y.add(i) = if value > 0.0 || value.is_nan() { value } else { 0.0 };
                }
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn backend_release(_: *mut c_void, args: *mut ReleaseArgs) -> Status {
    guarded((*args).h.err, || {
        drop(Box::from_raw((*args).plan as *mut Plan));
        Ok(())
    })
}

const fn text(text: &'static CStr) -> *const c_char {
    text.as_ptr()
}

const fn rule(op: u32, name: &'static CStr, sig: &'static CStr, when: &'static CStr, flags: u32, cost: Cost) -> Rule {
    Rule {
        struct_size: size_of::<Rule>() as u32,
        op,
        name: text(name),
        sig: text(sig),
        when: text(when),
        numerics: Numerics {
            accum: DType { code: FLOAT, bits: 32, lanes: 1 },
            rounding: 0,
            denormals: 0,
            deterministic: 1,
            math_mode: 0,
            rel_tol: 0.0,
            reserved: 0,
        },
        flags: R_DETERMINISTIC | R_REENTRANT | flags,
        epilogue_mask: 0,
        align: 0,
        reserved: 0,
        cost,
    }
}

/// 5. What the backend can do, as data. Claim nothing that execute does not do: Mezzo tests every claim, and the router
/// believes the costs: measure them.
static RULES: [Rule; 2] = [
    rule(
        OP_MATMUL,
        c"matmul",
        c"A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]",
        c"contiguous(A) and contiguous(B) and contiguous(C)",
        0,
        Cost { fixed_ns: 10.0, flop_per_ns: 12.0, byte_per_ns: 0.0, pack_byte_per_ns: 0.0 },
    ),
    rule(
        OP_RELU,
        c"relu",
        c"x:f32 -> y:f32",
        c"contiguous(x) and contiguous(y)",
        R_INPLACE_OK,
        Cost { fixed_ns: 10.0, flop_per_ns: 0.0, byte_per_ns: 40.0, pack_byte_per_ns: 0.0 },
    ),
];

/// 6. Who the backend is. The id is how users name it in routes, so it should not change.
static BACKEND: Backend = Backend {
    struct_size: size_of::<Backend>() as u32,
    abi_major: 1,
    abi_minor: 0,
    id: text(c"template"),
    version: text(c"1.0.0"),
    vendor: text(c"your name"),
    build: text(c"Rust"),
    rules: RULES.as_ptr(),
    n_rules: RULES.len() as u32,
    rule_stride: size_of::<Rule>() as u32,
    open: Some(backend_open),
    close: Some(backend_close),
    plan: Some(backend_plan),
    pack: null(),
    execute: Some(backend_execute),
    release: Some(backend_release),
    extension: null(),
};

/// The only exported symbol. NULL means that this backend speaks none of the versions that the host offers.
#[no_mangle]
pub unsafe extern "C" fn mezzo_backend_query(offer: *const Offer) -> *const Backend {
    match offer.as_ref() {
        Some(offer)
            if offer.major == BACKEND.abi_major
                && (offer.min_minor..=offer.max_minor).contains(&BACKEND.abi_minor) =>
        {
            &BACKEND
        }
        _ => null(),
    }
}
