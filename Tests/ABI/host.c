/* A host as it was when a header was released: opens the backend FILE through that header, and computes with it.
 *   host FILE OPERATION MODE
 * MODE: plain; truncated (an older host, with fewer services); padded (a later one, whose structs are longer); poisoned
 * (reserved members and results hold what must not be read); short (args that end before their results first). Prints "ok", "declines", or what is wrong. */
#include "mezzo_backend.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAD = 64 };
/* An args struct with what a later version may have behind it. */
#define ARGS(type, name) \
  struct { type known; unsigned char later[PAD]; } name

static int is_padded, is_poisoned, is_truncated;

static void fail(const char *what) {
  printf("%s\n", what);
  exit(1);
}

static void prepare(void *args, size_t size, mezzo_error *err) {
  memset(args, is_poisoned ? 0xAA : 0, size);
  memset((char *)args + size, 0xAA, PAD);
  mezzo_call head = {.struct_size = (uint32_t)(is_padded ? size + PAD : size), .err = err};
  memcpy(args, &head, sizeof head);
}

/* A backend writes nothing behind the struct that it knows. */
static void check_pad(const void *args, size_t size) {
  const unsigned char *at = (const unsigned char *)args + size;
  for (int i = 0; i < PAD; i++)
    if (at[i] != 0xAA) fail("it wrote behind an args struct");
}

static mezzo_status loop(void *ctx, uint64_t n, uint64_t grain, mezzo_body body, void *user) {
  (void)ctx;
  (void)grain;
  for (uint64_t i = 0; i < n; i++) body(user, i, i + 1, 0);
  return MEZZO_OK;
}

static uint32_t threads(void *ctx) {
  (void)ctx;
  return 1;
}

static mezzo_operand vector(int64_t *shape, int64_t *strides, int32_t rank, uint32_t flags) {
  mezzo_operand operand = {.dtype = {MEZZO_FLOAT, 32, 1}, .ndim = rank, .flags = flags, .shape = shape, .strides = strides};
  return operand;
}

int main(int count, char **arguments) {
  if (count != 4) fail("host FILE OPERATION MODE");
  is_truncated = strcmp(arguments[3], "truncated") == 0;
  is_padded = strcmp(arguments[3], "padded") == 0;
  is_poisoned = strcmp(arguments[3], "poisoned") == 0;
  int is_relu = strcmp(arguments[2], "relu") == 0;

  void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fail(dlerror());
  void *symbol = dlsym(library, "mezzo_backend_query");
  mezzo_backend_query_fn query;
  memcpy(&query, &symbol, sizeof query);
  if (symbol == NULL) fail("no entry");
  struct { mezzo_offer known; unsigned char later[PAD]; } offer;
  memset(&offer, 0xAA, sizeof offer);
  mezzo_offer known = {.struct_size = sizeof known + (is_padded ? PAD : 0), .major = MEZZO_ABI_MAJOR, .max_minor = MEZZO_ABI_MINOR};
  offer.known = known;
  if (is_poisoned) offer.known.reserved = 0xAAAA;
  const mezzo_backend *answer = query(&offer.known);
  if (answer == NULL) {
    printf("declines\n");
    return 0;
  }
  mezzo_backend table;
  memset(&table, 0, sizeof table);
  memcpy(&table, answer, answer->struct_size < sizeof table ? answer->struct_size : sizeof table);
  if (table.abi_major != MEZZO_ABI_MAJOR || table.abi_minor > MEZZO_ABI_MINOR) fail("it answers with a later version");

  uint32_t wanted = is_relu ? MEZZO_OP_RELU : MEZZO_OP_MATMUL, index = UINT32_MAX;
  for (uint32_t i = 0; i < table.n_rules; i++) {
    mezzo_rule rule;
    memset(&rule, 0, sizeof rule);
    const mezzo_rule *at = (const mezzo_rule *)(const void *)((const char *)table.rules + (size_t)i * table.rule_stride);
    memcpy(&rule, at, at->struct_size < sizeof rule ? at->struct_size : sizeof rule);
    if (rule.op == wanted && index == UINT32_MAX) index = i;
  }
  if (index == UINT32_MAX) fail("no rule");

  char text[128];
  mezzo_error err = {.struct_size = sizeof err, .msg = text, .msg_cap = sizeof text};
  mezzo_host host = {.struct_size = sizeof host, .parallel_for = loop, .threads = threads};
  if (is_truncated) {
    host.struct_size = offsetof(mezzo_host, parallel_for);
    memset(&host.parallel_for, 0xAA, sizeof host - offsetof(mezzo_host, parallel_for));
  }
  if (is_poisoned) host.reserved = 0xAAAAAAAA;
  ARGS(mezzo_open_args, open);
  prepare(&open, sizeof open.known, &err);
  open.known.host = &host;
  if (table.open(NULL, &open.known) != MEZZO_OK) fail("open");
  check_pad(&open, sizeof open.known);
  void *self = open.known.self;

  int64_t row[2] = {2, 3}, column[2] = {3, 2}, square[2] = {2, 2}, bias_shape[1] = {2};
  int64_t row_strides[2] = {3, 1}, column_strides[2] = {2, 1}, one[1] = {1};
  float a[6] = {1, -2, 3, -4, 5, -6}, b[6] = {1, 2, 3, 4, 5, 6}, bias[2] = {10, 20}, out[6] = {9, 9, 9, 9, 9, 9};
  /* Operands of a later version are longer; the stride says so. */
  struct { mezzo_operand known; unsigned char later[16]; } operands[4];
  memset(operands, 0xAA, sizeof operands);
  operands[0].known = vector(row, row_strides, 2, 0);
  if (is_relu) {
    operands[1].known = vector(row, row_strides, 2, 0);
  } else {
    operands[1].known = vector(column, column_strides, 2, 0);
    operands[2].known = vector(bias_shape, one, 1, 0);
    operands[3].known = vector(square, column_strides, 2, 0);
  }
  mezzo_epilogue step = {.kind = MEZZO_EPI_BIAS, .operand = 2};
  mezzo_attr attr = {.name = "alpha", .kind = MEZZO_ATTR_FLOAT, .v = {.f = 2}};
  mezzo_op op = {.struct_size = sizeof op, .op = wanted, .name = arguments[2], .operands = &operands[0].known,
                 .n_in = is_relu ? 1 : 3, .n_out = 1, .operand_stride = sizeof operands[0], .attrs = &attr,
                 .n_attrs = is_relu ? 0 : 1, .attr_stride = sizeof attr, .epilogue = &step, .n_epilogue = is_relu ? 0 : 1,
                 .epilogue_stride = sizeof step, .want = {.accum = {MEZZO_FLOAT, 32, 1}, .denormals = 1}};
  if (is_poisoned) op.reserved = op.want.reserved = step.reserved = 0xAAAAAAAA;
  ARGS(mezzo_plan_args, plan);
  prepare(&plan, sizeof plan.known, &err);
  plan.known.h.struct_size = offsetof(mezzo_plan_args, plan);
  plan.known.op = &op;
  plan.known.rule = index;
  if (strcmp(arguments[3], "short") == 0) {
    if (table.plan(self, &plan.known) == MEZZO_OK) fail("it planned with args that end before their results");
  }
  prepare(&plan, sizeof plan.known, &err);
  plan.known.op = &op;
  plan.known.rule = index;
  plan.known.threads = 1;
  if (table.plan(self, &plan.known) != MEZZO_OK) fail("plan");
  check_pad(&plan, sizeof plan.known);
  if (plan.known.packed_bytes != 0) fail("it packs what is not constant");

  struct { mezzo_tensor known; unsigned char later[16]; } tensors[4];
  memset(tensors, 0xAA, sizeof tensors);
  float *data[4] = {a, is_relu ? out : b, bias, out};
  for (uint32_t i = 0; i < op.n_in + op.n_out; i++) {
    mezzo_tensor tensor = {.data = data[i], .device = {MEZZO_DEVICE_CPU, 0}, .ndim = operands[i].known.ndim,
                           .dtype = {MEZZO_FLOAT, 32, 1}, .shape = (int64_t *)(uintptr_t)operands[i].known.shape,
                           .strides = (int64_t *)(uintptr_t)operands[i].known.strides};
    tensors[i].known = tensor;
  }
  void *workspace = plan.known.workspace > 0 ? aligned_alloc(64, (plan.known.workspace + 63) / 64 * 64) : NULL;
  ARGS(mezzo_exec_args, run);
  prepare(&run, sizeof run.known, &err);
  run.known.plan = plan.known.plan;
  run.known.in = (mezzo_tensors){&tensors[0].known, op.n_in, sizeof tensors[0]};
  run.known.out = (mezzo_tensors){&tensors[op.n_in].known, 1, sizeof tensors[0]};
  run.known.workspace = workspace;
  run.known.stream = 0;
  if (table.execute(self, &run.known) != MEZZO_OK) fail("execute");
  check_pad(&run, sizeof run.known);
  const float relu[6] = {1, 0, 3, 0, 5, 0}, product[4] = {2 * 10 + 10, 2 * 12 + 20, 2 * -19 + 10, 2 * -24 + 20};
  if (memcmp(out, is_relu ? relu : product, is_relu ? sizeof relu : sizeof product) != 0) fail("another result");

  ARGS(mezzo_release_args, release);
  prepare(&release, sizeof release.known, &err);
  release.known.plan = plan.known.plan;
  if (table.release(self, &release.known) != MEZZO_OK) fail("release");
  ARGS(mezzo_call, end);
  prepare(&end, sizeof end.known, &err);
  if (table.close(self, &end.known) != MEZZO_OK) fail("close");
  free(workspace);
  printf("ok\n");
  return 0;
}
