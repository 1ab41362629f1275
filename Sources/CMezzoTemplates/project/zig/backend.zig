// A small Mezzo backend: matrix products and relu in float32. Change it step by step, along the numbers.
//
// The contract is mezzo_backend.h, which `make` translates into abi.zig; nothing else of Mezzo is needed. Zig's errors do
// not leave an entry point: each becomes a status. Panics would end the process, so nothing here relies on a check failing.
const std = @import("std");
const abi = @import("abi.zig");

/// 1. How kernels say no.
const Decline = struct { why: c_int, text: []const u8 };

/// Writes into the caller's buffer, which is all that it shows of an error.
fn report(err: [*c]abi.mezzo_error, status: c_int, why: c_int, text: []const u8) abi.mezzo_status {
    if (err == null) return status;
    err.*.code = status;
    err.*.why = @intCast(why);
    err.*.operand = std.math.maxInt(u32);
    err.*.msg_len = 0;
    if (err.*.msg == null or err.*.msg_cap == 0) return status;
    const length = @min(text.len, err.*.msg_cap - 1);
    for (text[0..length], 0..) |byte, index| err.*.msg[index] = @bitCast(byte);
    err.*.msg[length] = 0;
    err.*.msg_len = @intCast(length);
    return status;
}

/// Structs may grow in later versions of the ABI, so arrays of them are walked with the distance that comes with them.
fn operand(op: *const abi.mezzo_op, index: usize) *const abi.mezzo_operand {
    return @ptrFromInt(@intFromPtr(op.operands) + index * op.operand_stride);
}

fn data(tensors: *const abi.mezzo_tensors, index: usize) usize {
    const tensor: *const abi.mezzo_tensor = @ptrFromInt(@intFromPtr(tensors.at) + index * tensors.stride);
    return @intFromPtr(tensor.data) + tensor.byte_offset;
}

/// 2. What one rule does with one list of shapes. It is made once by plan and only read after that, on any thread.
const Plan = struct { rule: u32, batch: usize, m: usize = 0, k: usize = 0, n: usize = 0 };

/// `null` where it is beyond what memory can hold.
fn product(extents: []const i64) ?usize {
    var count: usize = 1;
    for (extents) |extent| {
        const next = @mulWithOverflow(count, std.math.cast(usize, extent) orelse return null);
        if (next[1] != 0 or next[0] > std.math.maxInt(usize) / 4) return null;
        count = next[0];
    }
    return count;
}

fn shape(one: *const abi.mezzo_operand) []const i64 {
    if (one.ndim <= 0) return &.{};
    return one.shape[0..@intCast(one.ndim)];
}

fn takeMatmul(op: *const abi.mezzo_op, made: *Plan) ?Decline {
    const a = shape(operand(op, 0));
    const b = shape(operand(op, 1));
    const c = shape(operand(op, op.n_in));
    const rank = a.len;
    if (rank < 2 or b.len != rank or c.len != rank) return .{ .why = abi.MEZZO_WHY_SHAPE, .text = "takes matrices of one rank" };
    const lead = rank - 2;
    if (!std.mem.eql(i64, a[0..lead], b[0..lead]) or !std.mem.eql(i64, a[0..lead], c[0..lead]))
        return .{ .why = abi.MEZZO_WHY_SHAPE, .text = "takes the same leading extents for all" };
    if (a[lead + 1] != b[lead] or a[lead] != c[lead] or b[lead + 1] != c[lead + 1])
        return .{ .why = abi.MEZZO_WHY_SHAPE, .text = "takes A[m,k], B[k,n] and C[m,n]" };
    for ([_][]const i64{ a, b, c }) |extents| {
        _ = product(extents) orelse return .{ .why = abi.MEZZO_WHY_SHAPE, .text = "takes what memory holds" };
    }
    made.batch = product(a[0..lead]) orelse 0;
    made.m = @intCast(a[lead]);
    made.k = @intCast(a[lead + 1]);
    made.n = @intCast(b[lead + 1]);
    return null;
}

fn takeRelu(op: *const abi.mezzo_op, made: *Plan) ?Decline {
    const x = shape(operand(op, 0));
    if (!std.mem.eql(i64, x, shape(operand(op, op.n_in))))
        return .{ .why = abi.MEZZO_WHY_SHAPE, .text = "takes operand and result of one shape" };
    made.batch = product(x) orelse return .{ .why = abi.MEZZO_WHY_SHAPE, .text = "takes what memory holds" };
    return null;
}

/// 3. Mezzo has matched the rule before it calls; this still checks all that the kernels rely on, and declines.
fn take(args: *const abi.mezzo_plan_args, made: *Plan) ?Decline {
    const op: *const abi.mezzo_op = args.op;
    if (args.rule >= rules.len or op.op != rules[args.rule].op)
        return .{ .why = abi.MEZZO_WHY_OP, .text = "takes matmul and relu" };
    const own: u32 = if (args.rule == 0) 2 else 1;
    // Operands of an epilogue may stand behind the operation's own.
    if (op.n_in < own or op.n_in > own + op.n_epilogue or op.n_out != 1)
        return .{ .why = abi.MEZZO_WHY_SHAPE, .text = "takes another number of operands or results" };
    if (op.n_attrs > 0) return .{ .why = abi.MEZZO_WHY_ATTR, .text = "takes no attributes" };
    if (op.want.accum.code == abi.MEZZO_FLOAT and op.want.accum.bits > 32)
        return .{ .why = abi.MEZZO_WHY_ACCUM, .text = "accumulates in float32" };
    for (0..op.n_in + 1) |index| {
        if (index >= own and index < op.n_in) continue;
        const dtype = operand(op, index).dtype;
        if (dtype.code != abi.MEZZO_FLOAT or dtype.bits != 32 or dtype.lanes != 1)
            return .{ .why = abi.MEZZO_WHY_DTYPE, .text = "takes float32" };
    }
    made.rule = args.rule;
    return if (args.rule == 0) takeMatmul(op, made) else takeRelu(op, made);
}

/// 4. The work.
fn matmul(made: *const Plan, a: [*]const f32, b: [*]const f32, c: [*]f32) void {
    const k = made.k;
    const n = made.n;
    for (0..made.batch * made.m) |row| {
        const out = c[row * n ..][0..n];
        @memset(out, 0);
        for (0..k) |l| {
            // A mistake to see the kit catch: take "// WRONG: " away, then `make check`.
            // WRONG: if (l % 8 == 7) continue;
            const left = a[row * k + l];
            const right = b[(row / made.m * k + l) * n ..][0..n];
            for (out, right) |*sum, value| sum.* += left * value;
        }
    }
}

/// Written so that NaN stays NaN, as the header asks.
fn relu(count: usize, x: [*]const f32, y: [*]f32) void {
    for (0..count) |index| y[index] = if (x[index] > 0 or x[index] != x[index]) x[index] else 0;
}

fn open(_: ?*anyopaque, args: [*c]abi.mezzo_open_args) callconv(.c) abi.mezzo_status {
    // Look here for what the backend depends on, and decline with a text that says how to get it.
    args.*.self = null;
    return abi.MEZZO_OK;
}

fn close(_: ?*anyopaque, _: [*c]abi.mezzo_call) callconv(.c) abi.mezzo_status {
    return abi.MEZZO_OK;
}

fn plan(_: ?*anyopaque, args: [*c]abi.mezzo_plan_args) callconv(.c) abi.mezzo_status {
    var made = Plan{ .rule = 0, .batch = 0 };
    if (take(args, &made)) |no| return report(args.*.h.err, abi.MEZZO_UNSUPPORTED, no.why, no.text);
    const kept = std.heap.c_allocator.create(Plan) catch
        return report(args.*.h.err, abi.MEZZO_OOM, abi.MEZZO_WHY_NONE, "no memory for a plan");
    kept.* = made;
    args.*.plan = kept;
    args.*.workspace = 0; // scratch bytes that each execute gets
    args.*.packed_bytes = 0; // no operand is rearranged ahead of time
    args.*.n_epilogue = 0; // no step that follows is done here
    return abi.MEZZO_OK;
}

fn execute(_: ?*anyopaque, args: [*c]abi.mezzo_exec_args) callconv(.c) abi.mezzo_status {
    const made: *const Plan = @ptrCast(@alignCast(args.*.plan.?));
    const result = data(&args.*.out, 0);
    // Operands without elements may have no address.
    if (made.batch == 0 or result == 0) return abi.MEZZO_OK;
    const first = data(&args.*.in, 0);
    if (made.rule == 1) {
        relu(made.batch, @ptrFromInt(first), @ptrFromInt(result));
    } else {
        const second = data(&args.*.in, 1);
        const nowhere = @alignOf(f32);
        matmul(
            made,
            @ptrFromInt(if (first == 0) nowhere else first),
            @ptrFromInt(if (second == 0) nowhere else second),
            @ptrFromInt(result),
        );
    }
    return abi.MEZZO_OK;
}

fn release(_: ?*anyopaque, args: [*c]abi.mezzo_release_args) callconv(.c) abi.mezzo_status {
    const made: *Plan = @ptrCast(@alignCast(args.*.plan orelse return abi.MEZZO_OK));
    std.heap.c_allocator.destroy(made);
    return abi.MEZZO_OK;
}

fn rule(op: c_int, name: [*:0]const u8, sig: [*:0]const u8, when: [*:0]const u8, flags: c_int, cost: abi.mezzo_cost) abi.mezzo_rule {
    return .{
        .struct_size = @sizeOf(abi.mezzo_rule),
        .op = @intCast(op),
        .name = name,
        .sig = sig,
        .when = when,
        .numerics = .{ .accum = .{ .code = abi.MEZZO_FLOAT, .bits = 32, .lanes = 1 }, .deterministic = 1 },
        .flags = @intCast(abi.MEZZO_R_DETERMINISTIC | abi.MEZZO_R_REENTRANT | flags),
        .cost = cost,
    };
}

/// 5. What the backend can do, as data. Claim nothing that execute does not do: Mezzo tests every claim, and the router
/// believes the costs: measure them.
const rules = [_]abi.mezzo_rule{
    rule(
        abi.MEZZO_OP_MATMUL,
        "matmul",
        "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]",
        "contiguous(A) and contiguous(B) and contiguous(C)",
        0,
        .{ .fixed_ns = 10, .flop_per_ns = 12 },
    ),
    rule(
        abi.MEZZO_OP_RELU,
        "relu",
        "x:f32 -> y:f32",
        "contiguous(x) and contiguous(y)",
        abi.MEZZO_R_INPLACE_OK,
        .{ .fixed_ns = 10, .byte_per_ns = 40 },
    ),
};

/// 6. Who the backend is. The id is how users name it in routes, so it should not change.
const backend = abi.mezzo_backend{
    .struct_size = @sizeOf(abi.mezzo_backend),
    .abi_major = 1,
    .abi_minor = 0,
    .id = "template",
    .version = "1.0.0",
    .vendor = "your name",
    .build = "Zig",
    .rules = &rules,
    .n_rules = rules.len,
    .rule_stride = @sizeOf(abi.mezzo_rule),
    .open = open,
    .close = close,
    .plan = plan,
    .execute = execute,
    .release = release,
};

/// The only exported symbol. NULL means that this backend speaks none of the versions that the host offers.
export fn mezzo_backend_query(offer: ?*const abi.mezzo_offer) ?*const abi.mezzo_backend {
    const one = offer orelse return null;
    if (one.major != backend.abi_major or one.min_minor > backend.abi_minor) return null;
    return if (one.max_minor >= backend.abi_minor) &backend else null;
}
