// A small Mezzo backend: matrix products and relu in float32. Change it step by step, along the numbers.
//
// The contract is mezzo_backend.h; nothing else of Mezzo is needed. No exception leaves an entry point: `guarded` turns it
// into a status, and every entry point is noexcept.
#include "mezzo_backend.h"

#include <cstddef>
#include <cstdio>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

namespace {

// 1. How kernels say no, and that something went wrong.
struct decline {
  uint32_t why;
  const char *text;
};

mezzo_status report(mezzo_error *err, mezzo_status status, uint32_t why, const char *text) noexcept {
  if (err == nullptr) return status;
  err->code = status;
  err->why = why;
  err->operand = UINT32_MAX;
  err->msg_len = 0;
  if (err->msg == nullptr || err->msg_cap == 0) return status;
  const int length = std::snprintf(err->msg, err->msg_cap, "%s", text);
  if (length > 0) {
    err->msg_len = static_cast<uint32_t>(length) < err->msg_cap ? static_cast<uint32_t>(length) : err->msg_cap - 1;
  }
  return status;
}

template <typename Body>
mezzo_status guarded(mezzo_error *err, Body &&body) noexcept {
  try {
    body();
    return MEZZO_OK;
  } catch (const decline &no) {
    return report(err, MEZZO_UNSUPPORTED, no.why, no.text);
  } catch (const std::bad_alloc &) {
    return report(err, MEZZO_OOM, MEZZO_WHY_NONE, "no memory");
  } catch (const std::exception &failure) {
    return report(err, MEZZO_INTERNAL, MEZZO_WHY_NONE, failure.what());
  } catch (...) {
    return report(err, MEZZO_INTERNAL, MEZZO_WHY_NONE, "an exception of unknown type");
  }
}

// Structs may grow in later versions of the ABI, so arrays of them are walked with the distance that comes with them.
template <typename T>
const T &element(const T *first, uint32_t stride, uint32_t index) {
  return *reinterpret_cast<const T *>(reinterpret_cast<const char *>(first) + static_cast<size_t>(index) * stride);
}

float *data(const mezzo_tensors &tensors, uint32_t index) {
  const mezzo_tensor &tensor = element<mezzo_tensor>(tensors.at, tensors.stride, index);
  return reinterpret_cast<float *>(static_cast<char *>(tensor.data) + tensor.byte_offset);
}

using shape = std::vector<int64_t>;

// 2. What one rule does with one list of shapes. It is made once by plan and only read after that, on any thread.
struct kernel {
  virtual ~kernel() = default;
  virtual void run(const mezzo_exec_args &args) const = 0;
};

size_t product(const shape &extents, size_t first, size_t last) {
  size_t count = 1;
  for (size_t i = first; i < last; i++) {
    const auto extent = static_cast<size_t>(extents[i]);
    if (extent > 0 && count > SIZE_MAX / sizeof(float) / extent) throw decline{MEZZO_WHY_SHAPE, "takes what memory holds"};
    count *= extent;
  }
  return count;
}

struct matmul final : kernel {
  size_t batch, m, k, n;

  explicit matmul(const std::vector<shape> &shapes) {
    const shape &a = shapes[0], &b = shapes[1], &c = shapes[2];
    const size_t rank = a.size();
    if (rank < 2 || b.size() != rank || c.size() != rank) throw decline{MEZZO_WHY_SHAPE, "takes matrices of one rank"};
    for (size_t i = 0; i + 2 < rank; i++) {
      if (a[i] != b[i] || a[i] != c[i]) throw decline{MEZZO_WHY_SHAPE, "takes the same leading extents for all"};
    }
    if (a[rank - 1] != b[rank - 2] || a[rank - 2] != c[rank - 2] || b[rank - 1] != c[rank - 1]) {
      throw decline{MEZZO_WHY_SHAPE, "takes A[m,k], B[k,n] and C[m,n]"};
    }
    batch = product(a, 0, rank - 2);
    m = static_cast<size_t>(a[rank - 2]);
    k = static_cast<size_t>(a[rank - 1]);
    n = static_cast<size_t>(b[rank - 1]);
  }

  void run(const mezzo_exec_args &args) const override {
    const float *a = data(args.in, 0), *b = data(args.in, 1);
    float *c = data(args.out, 0);
    for (size_t matrix = 0; matrix < batch; matrix++) {
      for (size_t i = 0; i < m; i++) {
        float *row = c + (matrix * m + i) * n;
        for (size_t j = 0; j < n; j++) row[j] = 0;
        for (size_t l = 0; l < k; l++) {
          // A mistake to see the kit catch: take "// WRONG: " away, then `make check`.
          // WRONG: if (l % 8 == 7) continue;
          const float left = a[(matrix * m + i) * k + l];
          const float *right = b + (matrix * k + l) * n;
          for (size_t j = 0; j < n; j++) row[j] += left * right[j];
        }
      }
    }
  }
};

struct relu final : kernel {
  size_t count;

  explicit relu(const std::vector<shape> &shapes) : count(product(shapes[0], 0, shapes[0].size())) {
    if (shapes[0] != shapes[1]) throw decline{MEZZO_WHY_SHAPE, "takes operand and result of one shape"};
  }

  void run(const mezzo_exec_args &args) const override {
    const float *x = data(args.in, 0);
    float *y = data(args.out, 0);
    // Written so that NaN stays NaN, as the header asks.
    for (size_t i = 0; i < count; i++) y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0;
  }
};

// 3. The rules as data, and the kernel of each. Claim nothing that run does not do: Mezzo tests every claim.
mezzo_rule rule(uint32_t op, const char *name, const char *sig, const char *when, uint32_t flags, mezzo_cost cost) {
  mezzo_rule made{};
  made.struct_size = sizeof(mezzo_rule);
  made.op = op;
  made.name = name;
  made.sig = sig;
  made.when = when;
  made.numerics.accum = {MEZZO_FLOAT, 32, 1};
  made.numerics.deterministic = 1;
  made.flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | flags;
  made.cost = cost;  // measure it: the router believes these
  return made;
}

const mezzo_rule rules[] = {
    rule(MEZZO_OP_MATMUL, "matmul", "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]",
         "contiguous(A) and contiguous(B) and contiguous(C)", 0, {10, 12, 0, 0}),
    rule(MEZZO_OP_RELU, "relu", "x:f32 -> y:f32", "contiguous(x) and contiguous(y)", MEZZO_R_INPLACE_OK, {10, 0, 40, 0}),
};

std::unique_ptr<kernel> make(uint32_t rule, const std::vector<shape> &shapes) {
  if (rule == 0) return std::make_unique<matmul>(shapes);
  return std::make_unique<relu>(shapes);
}

// 4. Mezzo has matched args->rule before it calls; plan still checks all that its own code relies on, and declines.
std::unique_ptr<kernel> plan(const mezzo_plan_args &args) {
  static constexpr uint32_t inputs[] = {2, 1};
  const mezzo_op &op = *args.op;
  if (args.rule >= std::size(rules) || op.op != rules[args.rule].op) {
    throw decline{MEZZO_WHY_OP, "takes matmul and relu"};
  }
  // Operands of an epilogue may stand behind the operation's own.
  const uint32_t own = inputs[args.rule];
  if (op.n_in < own || op.n_in > own + op.n_epilogue || op.n_out != 1) {
    throw decline{MEZZO_WHY_SHAPE, "takes another number of operands or results"};
  }
  if (op.n_attrs > 0) throw decline{MEZZO_WHY_ATTR, "takes no attributes"};
  if (op.want.accum.code == MEZZO_FLOAT && op.want.accum.bits > 32) {
    throw decline{MEZZO_WHY_ACCUM, "accumulates in float32"};
  }
  std::vector<shape> shapes;
  for (uint32_t i = 0; i <= op.n_in; i++) {
    if (i >= own && i < op.n_in) continue;
    const mezzo_operand &one = element(op.operands, op.operand_stride, i);
    if (one.dtype.code != MEZZO_FLOAT || one.dtype.bits != 32 || one.dtype.lanes != 1) {
      throw decline{MEZZO_WHY_DTYPE, "takes float32"};
    }
    shapes.emplace_back(one.shape, one.shape + one.ndim);
  }
  return make(args.rule, shapes);
}

// 5. The entry points. `open` may decline too: say what is missing and how to get it.
mezzo_status backend_open(void *, mezzo_open_args *args) noexcept {
  args->self = nullptr;
  return MEZZO_OK;
}

mezzo_status backend_close(void *, mezzo_call *) noexcept { return MEZZO_OK; }

mezzo_status backend_plan(void *, mezzo_plan_args *args) noexcept {
  return guarded(args->h.err, [&] {
    args->plan = plan(*args).release();
    args->workspace = 0;     // scratch bytes that each execute gets
    args->packed_bytes = 0;  // no operand is rearranged ahead of time
    args->n_epilogue = 0;    // no step that follows is done here
  });
}

mezzo_status backend_execute(void *, mezzo_exec_args *args) noexcept {
  return guarded(args->h.err, [&] { static_cast<const kernel *>(args->plan)->run(*args); });
}

mezzo_status backend_release(void *, mezzo_release_args *args) noexcept {
  delete static_cast<kernel *>(args->plan);
  return MEZZO_OK;
}

// 6. Who the backend is. The id is how users name it in routes, so it should not change.
mezzo_backend table() {
  mezzo_backend made{};
  made.struct_size = sizeof(mezzo_backend);
  made.abi_major = 1;
  made.abi_minor = 0;
  made.id = "template";
  made.version = "1.0.0";
  made.vendor = "your name";
  made.build = "C++17";
  made.rules = rules;
  made.n_rules = static_cast<uint32_t>(std::size(rules));
  made.rule_stride = sizeof(mezzo_rule);
  made.open = backend_open;
  made.close = backend_close;
  made.plan = backend_plan;
  made.execute = backend_execute;
  made.release = backend_release;
  return made;
}

const mezzo_backend backend = table();

}  // namespace

// NULL means that this backend speaks none of the versions that the host offers.
extern "C" MEZZO_EXPORT const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  if (offer == nullptr || offer->major != backend.abi_major || offer->min_minor > backend.abi_minor) return nullptr;
  if (offer->max_minor < backend.abi_minor) return nullptr;
  return &backend;
}
