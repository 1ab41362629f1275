/* update_kernels.h: a template, included once for float and once for double. The includer defines
 *   T           what is computed in
 *   SQRT        the square root of T
 *   NAME(name)  the name of a function of T */

/* Results are operands 0, 1, ... */
MZ_CLONES static void NAME(keep)(void *const *out, const void *const *in, const double *scalar, int64_t n) {
  (void)scalar;
  for (int o = 0; out[o] != NULL; o++)
    if (out[o] != in[o]) memcpy(out[o], in[o], (size_t)n * sizeof(T));
}

/* scalar: rate, momentum */
MZ_CLONES static void NAME(sgd)(void *const *out, const void *const *in, const double *scalar, int64_t n) {
  T *w_out = out[0], *v_out = out[1];
  const T *w = in[0], *v = in[1], *g = in[2];
  const T rate = (T)scalar[0], momentum = (T)scalar[1];
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {
    T velocity = momentum * v[i] - rate * g[i];
    w_out[i] = w[i] + velocity;
    v_out[i] = velocity;
  }
}

MZ_CLONES static void NAME(nesterov)(void *const *out, const void *const *in, const double *scalar, int64_t n) {
  T *w_out = out[0], *v_out = out[1];
  const T *w = in[0], *v = in[1], *g = in[2];
  const T rate = (T)scalar[0], momentum = (T)scalar[1];
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {
    T push = rate * g[i];
    T velocity = momentum * v[i] - push;
    w_out[i] = w[i] + momentum * velocity - push;
    v_out[i] = velocity;
  }
}

/* scalar: rate * weight_decay, bias-corrected rate, 1 - beta1, 1 - beta2, epsilon */
MZ_CLONES static void NAME(adam)(void *const *out, const void *const *in, const double *scalar, int64_t n) {
  T *w_out = out[0], *m_out = out[1], *v_out = out[2];
  const T *w = in[0], *m = in[1], *v = in[2], *g = in[3];
  const T decay = (T)scalar[0], rate = (T)scalar[1], open1 = (T)scalar[2], open2 = (T)scalar[3], epsilon = (T)scalar[4];
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {
    T gradient = g[i], weight = w[i];
    T mean = m[i] + (gradient - m[i]) * open1;
    T variance = v[i] + (gradient * gradient - v[i]) * open2;
    w_out[i] = weight - decay * weight - rate * mean / (SQRT(variance) + epsilon);
    m_out[i] = mean;
    v_out[i] = variance;
  }
}
