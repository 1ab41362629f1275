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
      reason: "Rounding twice gives a neighbour of the nearest value where the first rounding makes a tie.",
      theirs: theirs
    ) { testCase in
      guard let (from, to) = try? dtypes(testCase), from == .float64, to.isFloatingPoint, to.bitWidth ?? 64 <= 16
      else { return nil }
      return restated(testCase)
    },
    DesignDifference(
      "Subnormal numbers are numbers", systems: ["tf24", "tfkeras", "keras3"],
      cases: "values below the least normal number of a dtype, which TensorFlow reads or writes as 0",
      behaviour: "Subnormal numbers are converted like all others.",
      reason: "Flushing them to 0 loses gradients silently, and depends on the thread that computes.",
      theirs: theirs
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
      reason: "TensorFlow's result is whatever the processor gives, which differs from one to the next.",
      theirs: theirs
    ) { testCase in
      guard let (from, to) = try? dtypes(testCase), from.isFloatingPoint, to.isInteger,
        let values = try? testCase.input.array("values"),
        values.contains(where: { $0.asDouble.map { !isHeld($0, by: to) } ?? false })
      else { return nil }
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

  /// As it is stated, but for the elements that a difference touches: for each of those what the system can make of it.
  private static let theirs: @Sendable (GoldenCase) -> ConfigurationValue? = { testCase in
    guard let (from, to) = try? dtypes(testCase), let stated = restated(testCase)?["ok"],
      let expected = testCase.expect["ok"], let source = stated["from"]?["data"]?.asArray,
      let result = stated["to"]?["data"]?.asArray, let found = expected["to"]?["data"]?.asArray,
      let read = expected["from"]?["data"]?.asArray, found.count == result.count, read.count == source.count
    else { return nil }
    let elements = source.indices.map { place -> ConfigurationValue in
      let ways = systemResults(of: source[place], stated: result[place], from, to, found[place])
      return ways.first { GoldenComparison().mismatch(expected: found[place], got: $0) == nil } ?? result[place]
    }
    let sources = source.indices.map { place in
      isSubnormal(source[place], from) && read[place].asDouble == 0 ? read[place] : source[place]
    }
    return .ok(
      .object([
        "from": (stated["from"] ?? .null).replacing("data") { _ in .array(sources) },
        "to": (stated["to"] ?? .null).replacing("data") { _ in .array(elements) },
      ]))
  }

  /// Other results than the stated one that the systems have for an element.
  private static func systemResults(
    of value: ConfigurationValue, stated: ConfigurationValue, _ from: DType, _ to: DType, _ found: ConfigurationValue
  ) -> [ConfigurationValue] {
    guard let number = value.asDouble else { return [stated] }
    if from.isFloatingPoint, to.isInteger, !isHeld(number, by: to) {
      // Whatever the processor gives, which is an integer of the dtype.
      return found.asDouble.map { isHeld($0, by: to) } ?? false ? [found] : [stated]
    }
    var ways = [stated]
    if from == .float64, to.isFloatingPoint, to.bitWidth ?? 64 <= 16,
      let twice = try? GoldenTensor.read([value], dtype: from).cast(to: .float32).cast(to: to)
    {
      ways += GoldenTensor.elements(twice)
    }
    // float16 is converted in integer arithmetic, which flushes nothing.
    let isReadAs0 = from != .float16 && isSubnormal(value, from)
    if to.isFloatingPoint, isReadAs0 || to != .float16 && (isSubnormal(value, to) || isSubnormal(stated, to)) {
      ways.append(.number(number.sign == .minus ? -0.0 : 0))
    }
    if to == .bool, isReadAs0 { ways.append(false) }
    return ways
  }

  private static func isHeld(_ value: Double, by dtype: DType) -> Bool {
    guard let bits = dtype.bitWidth, value.isFinite else { return false }
    let isSigned = !dtype.name.hasPrefix("u")
    let end = Double(sign: .plus, exponent: isSigned ? bits - 1 : bits, significand: 1)
    let whole = value.rounded(.towardZero)
    return whole < end && whole >= (isSigned ? -end : 0)
  }

  private static func isSubnormal(_ value: ConfigurationValue, _ dtype: DType) -> Bool {
    guard let magnitude = value.asDouble?.magnitude, let leastNormal = dtype.leastNormal else { return false }
    return magnitude > 0 && magnitude < leastNormal
  }
}
