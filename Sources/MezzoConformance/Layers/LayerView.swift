import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// How inputs lie in memory that are not one element after the other.
enum LayerView: String, CaseIterable {
  /// With their axes in reverse order, which a stride for each axis puts right.
  case transposed
  /// The first example alone, which a stride of 0 repeats.
  case repeated

  /// What lies in memory of `tensor`.
  func stored(_ tensor: Tensor) throws -> Tensor {
    let scalars = tensor.scalars()
    switch self {
    case .transposed:
      let shape = Array(tensor.shape.reversed())
      let moved = scalars.indices.map { place in
        // The place counted through the reversed axes, the last of which is the batch.
        var (rest, index, stride) = (place, 0, scalars.count)
        for extent in tensor.shape {
          stride /= max(extent, 1)
          index += rest % max(extent, 1) * stride
          rest /= max(extent, 1)
        }
        return scalars[index]
      }
      return try Tensor(moved, shape: shape, dtype: tensor.dtype)
    case .repeated:
      let rows = max(tensor.shape[0], 1)
      return try Tensor(
        Array(scalars.prefix(scalars.count / rows)), shape: [1] + tensor.shape.dropFirst(), dtype: tensor.dtype)
    }
  }

  /// What the layer sees of it.
  func seen(_ tensor: Tensor) throws -> Tensor {
    guard self == .repeated, let rows = tensor.shape.first, rows > 0 else { return tensor }
    let first = tensor.scalars().prefix(tensor.count / rows)
    return try Tensor((0..<rows).flatMap { _ in first }, shape: tensor.shape, dtype: tensor.dtype)
  }

  fileprivate func applied(_ stored: SymbolicTensor, rows: Int) throws -> SymbolicTensor {
    switch self {
    case .transposed: try stored.transposed(Array((0..<stored.rank).reversed()))
    case .repeated: try stored.broadcast(to: [rows] + stored.shape.dropFirst())
    }
  }
}

/// Shows a layer its inputs through views.
struct ViewedLayer: LayerContainer {
  var layer: any Layer
  var view: LayerView
  var rows: Int

  var policy: DTypePolicy { layer.policy }

  init(_ layer: any Layer, _ view: LayerView, rows: Int) {
    self.layer = layer
    self.view = view
    self.rows = rows
  }

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let positional = try inputs.positional.map { try $0.map { try view.applied($0, rows: rows) } }
    return try context.call(layer, LayerInputs(positional: positional, named: inputs.named), name: "viewed")
  }

  init(from decoder: any Decoder) throws {
    throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a view is not kept"))
  }

  func encode(to encoder: any Encoder) throws {}
}
