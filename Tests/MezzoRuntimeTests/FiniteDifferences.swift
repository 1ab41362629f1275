import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

/// A scalar function of float64 tensors, its gradients by the graph, and the same by central differences.
enum FiniteDifferences {
  /// Compares the gradients of `loss` by every element of `points`.
  ///
  /// The tolerance is not chosen but estimated: a central difference with step h errs by h²f‴∕6 + …, which is a third of
  /// what it changes by when h doubles; and by the rounding of the function's values, some units in the last place of the
  /// terms it sums, over h.
  static func check(
    _ name: String, _ points: [Tensor], fixed: [Tensor] = [], step: Double = 0x1p-17,
    _ loss: (inout Weights, [SymbolicTensor], [SymbolicTensor]) throws -> SymbolicTensor
  ) throws {
    let trace = Trace()
    let variables = points.map { trace.input($0.type, name: "variable") }
    let others = fixed.map { trace.input($0.type, name: "fixed") }
    var weights = Weights(trace: trace)
    let value = try loss(&weights, variables, others)
    let magnitude = try weights.magnitude()
    let gradients = try trace.gradients(of: value, by: variables)
    let runtime = Runtime.builtinOnly()
    let function = try runtime.plan(trace.finish([value, magnitude]))
    let analytic = try runtime.plan(trace.finish(gradients)).run(points + fixed + weights.tensors)

    for (index, point) in points.enumerated() {
      let scalars = point.scalars()
      for (element, found) in analytic[index].scalars().enumerated() {
        func difference(_ h: Double) throws -> (slope: Double, scale: Double) {
          var sides: [Double] = []
          var scale = 0.0
          for side in [h, -h] {
            var moved = scalars
            moved[element] += side
            var arguments = points
            arguments[index] = try Tensor(moved, shape: point.shape, dtype: .float64)
            let results = try function.run(arguments + fixed + weights.tensors)
            sides.append(try results[0].scalar())
            scale = max(scale, try results[1].scalar())
          }
          return ((sides[0] - sides[1]) / (2 * h), scale)
        }
        let (near, scale) = try difference(step)
        let far = try difference(2 * step).slope
        let terms = Double(points.reduce(fixed.reduce(8) { $0 + $1.count }) { $0 + $1.count })
        let rounding = terms * scale * .ulpOfOne / step
        let tolerance = abs(far - near) + rounding + abs(near) * terms * .ulpOfOne
        #expect(
          abs(found - near) <= tolerance,
          "\(name): by element \(element) of operand \(index) \(point.shape): \(found), differences give \(near) ± \(tolerance)"
        )
      }
    }
  }

  /// Makes scalars of tensors with weights that no symmetry cancels, and keeps the sum of magnitudes for the tolerance.
  struct Weights {
    let trace: Trace
    private(set) var tensors: [Tensor] = []
    private var generator = Xorshift(state: 0x5EED)
    private var magnitudes: [SymbolicTensor] = []

    init(trace: Trace) { self.trace = trace }

    mutating func sum(_ x: SymbolicTensor) throws -> SymbolicTensor {
      let weights = try Tensor.random(x.shape, in: 0.5...1.5, &generator)
      tensors.append(weights)
      let terms = try x * trace.input(weights.type, name: "weights")
      magnitudes.append(try terms.abs().sum())
      return try terms.sum()
    }

    func magnitude() throws -> SymbolicTensor {
      try magnitudes.dropFirst().reduce(try trace.constant(1, dtype: .float64) + magnitudes[0]) { try $0 + $1 }
    }
  }
}

extension Tensor {
  /// Multiples of 2⁻¹⁰, so that a step of a power of two away from them is exact.
  static func random(_ shape: [Int], in range: ClosedRange<Double>, _ generator: inout Xorshift) throws -> Tensor {
    let count = shape.reduce(1, *)
    let width = range.upperBound - range.lowerBound
    let scalars = (0..<count).map { _ in
      let unit = Double(generator.next() >> 11) * 0x1p-53
      return ((range.lowerBound + unit * width) * 1024).rounded() / 1024
    }
    return try Tensor(scalars, shape: shape, dtype: .float64)
  }
}
