import MezzoGraph
import MezzoPolicy
import MezzoRuntime

/// Conversions of elements between dtypes, done by whichever backend takes the operation.
enum CastGroup: GoldenGroup {
  static let names = ["cast"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let (from, to) = try dtypes(testCase)
    if let dtype = [from, to].first(where: { $0.byteWidth == nil || $0.isComplex }) {
      return .unsupported("tensors of \(dtype)")
    }
    let tensor = try GoldenTensor.read(try testCase.input.array("values"), dtype: from)
    let converted = try Runtime.shared.evaluate([tensor]) { [try $0[0].cast(to: to)] }
    return .ok(["from": GoldenTensor.write(tensor), "to": GoldenTensor.write(converted[0])])
  }

  private static func dtypes(_ testCase: GoldenCase) throws(GoldenFormError) -> (from: DType, to: DType) {
    (
      try DType(golden: try testCase.input.string("from")), try DType(golden: try testCase.input.string("to"))
    )
  }

  // MARK: - Differences

  static let differences = [
    DesignDifference(
      "A conversion rounds once", systems: ["tf24", "tfkeras", "keras3"],
      cases: "float64 to a float of 16 bits or less, where TensorFlow's way over float32 rounds twice",
      behaviour: "The result is the nearest value of the dtype, ties to even.",
      reason: "Rounding twice gives a neighbour of the nearest value where the first rounding makes a tie."
    ) { testCase in
      guard let (from, to) = try? dtypes(testCase), from == .float64, to.isFloatingPoint, to.bitWidth ?? 64 <= 16
      else { return nil }
      return restated(testCase)
    },
    DesignDifference(
      "Subnormal numbers are numbers", systems: ["tf24", "tfkeras", "keras3"],
      cases: "values below the least normal number of a dtype, which TensorFlow reads or writes as 0",
      behaviour: "Subnormal numbers are converted like all others.",
      reason: "Flushing them to 0 loses gradients silently, and depends on the thread that computes."
    ) { testCase in
      guard let (from, to) = try? dtypes(testCase), let values = try? testCase.input.array("values"),
        values.contains(where: { isSubnormal($0, from) || isSubnormal($0, to) })
      else { return nil }
      return restated(testCase)
    },
    DesignDifference(
      "Integers saturate", systems: ["tf24", "tfkeras", "keras3"],
      cases: "floats to integers, where the value is NaN or outside of the integer's range",
      behaviour: "The nearest integer that the dtype has; 0 for NaN.",
      reason: "TensorFlow's result is whatever the processor gives, which differs from one to the next."
    ) { testCase in
      guard let (from, to) = try? dtypes(testCase), from.isFloatingPoint, to.isInteger else { return nil }
      return restated(testCase)
    },
  ]

  /// Nearest values, ties to even; truncation and saturation to integers.
  private static func restated(_ testCase: GoldenCase) -> ConfigurationValue? {
    guard let (from, to) = try? dtypes(testCase), let values = try? testCase.input.array("values"),
      let source = try? GoldenTensor.read(values, dtype: from), let result = try? source.cast(to: to)
    else { return nil }
    return .ok(["from": GoldenTensor.write(source), "to": GoldenTensor.write(result)])
  }

  private static func isSubnormal(_ value: ConfigurationValue, _ dtype: DType) -> Bool {
    guard let magnitude = value.asDouble?.magnitude, let leastNormal = dtype.leastNormal else { return false }
    return magnitude > 0 && magnitude < leastNormal
  }
}
