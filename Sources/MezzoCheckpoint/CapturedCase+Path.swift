import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
public import MezzoRuntime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A case is a safetensors file: the bytes of `operand.0`, `operand.1`, … and `result.0`, … as U8, and under `mezzo.case` in
/// its metadata what ``CaseDocument`` holds, so that whatever reads safetensors can look at it.
extension CapturedCase {
  private static let key = "mezzo.case"

  /// Writes the case, by custom to a file with the suffix `.mezzocase`, which is whole or as it was.
  public func write(to path: String) throws(CheckpointError) {
    let document: CaseDocument
    do throws(CaseDocument.Defect) {
      document = try CaseDocument(self)
    } catch {
      throw .unwritable(path: path, reason: error.reason)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A pad's value may be an infinity.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let text = try? encoder.encode(document) else {
      throw .unwritable(path: path, reason: "the case cannot be encoded")
    }
    var tensors = Variables()
    for (index, bytes) in (operands + results).enumerated() {
      let name = Self.name(index, inputs: operands.count)
      guard let tensor = try? Tensor(bytes: bytes, shape: [bytes.count], dtype: .uint8) else {
        throw .unwritable(path: path, reason: "there is no memory for \(name)")
      }
      tensors.set(name, tensor)
    }
    try Safetensors.write(tensors, to: path, metadata: [Self.key: String(decoding: text, as: UTF8.self)])
  }

  /// Reads what ``write(to:)`` wrote.
  ///
  /// - Throws: `CheckpointError.malformedCase` where the file says something that cannot be; whether the operation has a
  ///   meaning is for the conformance kit to say.
  public init(contentsOf path: String) throws(CheckpointError) {
    let file = try SafetensorsFile(path)
    func malformed(_ reason: String) -> CheckpointError { .malformedCase(path: path, reason: reason) }
    guard let text = file.metadata[Self.key] else { throw malformed("its metadata has no \(Self.key)") }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let document: CaseDocument
    do {
      let data = Data(text.utf8)
      let version = try decoder.decode(CaseDocument.Version.self, from: data).version
      guard version == CaseDocument.version else {
        throw malformed("it is of version \(version), this Mezzo reads version \(CaseDocument.version)")
      }
      document = try decoder.decode(CaseDocument.self, from: data)
    } catch let error as CheckpointError {
      throw error
    } catch let error as DecodingError {
      throw malformed("\(Self.key): \(error.inWords)")
    } catch {
      throw malformed("\(Self.key) is no JSON")
    }
    let request: OperationRequest
    do throws(CaseDocument.Defect) {
      request = try document.request()
    } catch {
      throw malformed(error.reason)
    }
    guard !request.readsResults else {
      throw malformed("its operation reads what its results hold before, which no case says")
    }
    self.init(request: request, operands: [], results: [], source: document.source)
    let all = request.inputs + request.results
    guard file.names.count == all.count else {
      throw malformed("it has \(file.names.count) tensors, its operation has \(all.count) operands and results")
    }
    for (index, operand) in all.enumerated() {
      let isInput = index < request.inputs.count
      let name = Self.name(index, inputs: request.inputs.count)
      let tensor = try file.tensor(name)
      let expected = operand.checkedSpan ?? 0
      guard tensor.dtype == .uint8, tensor.shape == [expected] else {
        throw malformed(
          "expected uint8[\(expected)] as \(name), for \(operand.type) with strides \(operand.strides), found \(tensor.type)"
        )
      }
      let bytes = tensor.withUnsafeBytes { Array($0) }
      if isInput { operands.append(bytes) } else { results.append(bytes) }
    }
  }

  private static func name(_ index: Int, inputs: Int) -> String {
    index < inputs ? "operand.\(index)" : "result.\(index - inputs)"
  }
}
