import MezzoGraph
import MezzoPolicy
import MezzoRuntime

/// Conversions of elements between dtypes, done by whichever backend takes the operation.
enum CastGroup: GoldenGroup {
  static let names = ["cast"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dtypes = try ["from", "to"].map { key throws(GoldenFormError) in
      try DType(golden: try testCase.input.string(key))
    }
    if let dtype = dtypes.first(where: { $0.byteWidth == nil || $0.isComplex }) {
      return .unsupported("tensors of \(dtype)")
    }
    let tensor = try GoldenTensor.read(try testCase.input.array("values"), dtype: dtypes[0])
    let converted = try Runtime.shared.evaluate([tensor]) { [try $0[0].cast(to: dtypes[1])] }
    return .ok(["from": GoldenTensor.write(tensor), "to": GoldenTensor.write(converted[0])])
  }
}
