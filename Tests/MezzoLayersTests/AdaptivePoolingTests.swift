import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct AdaptivePoolingTests {
  /// Against loops over the windows of Keras 3: `⌊i·n∕m⌋ ..< ⌈(i+1)·n∕m⌉` along each axis.
  @Test(arguments: [[3, 2], [4, 5], [7, 3], [1, 1], [9, 7]], [DataFormat.channelsLast, .channelsFirst])
  func windowsAreThoseOfKeras(size: [Int], format: DataFormat) throws {
    let (height, width) = (7, 5)
    let numbers = (0..<2 * height * width * 3).map { (place: Int) -> Double in Double(place * 37 % 101) / 7 - 5 }
    let input = try Tensor(numbers, shape: [2, height, width, 3], dtype: .float64)
    let runtime = Runtime.builtinOnly()
    let permuted: [any Layer] =
      format == .channelsLast ? [] : [Permute([3, 1, 2], policy: .float64), Permute([2, 3, 1], policy: .float64)]
    func run(_ layer: any Layer) throws -> [Double] {
      let layers = permuted.isEmpty ? [layer] : [permuted[0], layer, permuted[1]]
      let output = try Model(Sequential(layers, policy: .float64), runtime: runtime)(input)
      #expect(output.shape == [2] + size + [3])
      return output.scalars()
    }
    let extents = Extents(size)
    let means = try run(AdaptiveAveragePooling2D(outputSize: extents, dataFormat: format, policy: .float64))
    let largest = try run(AdaptiveMaxPooling2D(outputSize: extents, dataFormat: format, policy: .float64))
    var place = 0
    for image in 0..<2 {
      for i in 0..<size[0] {
        for j in 0..<size[1] {
          for channel in 0..<3 {
            var window: [Double] = []
            for y in i * height / size[0]..<((i + 1) * height + size[0] - 1) / size[0] {
              for x in j * width / size[1]..<((j + 1) * width + size[1] - 1) / size[1] {
                window.append(numbers[((image * height + y) * width + x) * 3 + channel])
              }
            }
            let mean: Double = window.reduce(0, +) / Double(window.count)
            #expect(abs(means[place] - mean) < 1e-12)
            #expect(largest[place] == window.max())
            place += 1
          }
        }
      }
    }
  }

  @Test func sizesThatMakeNoSenseAreRefused() throws {
    let input = try Tensor(zeros: TensorType(.float32, [1, 4, 2]))
    for size in [0, -1, 1 << 20] as [Int] {
      #expect(throws: LayerError.self) {
        try Model(AdaptiveMaxPooling1D(outputSize: Extents([size]), policy: .float32), runtime: .builtinOnly())(input)
      }
    }
    #expect(throws: LayerError.self) {
      try Model(AdaptiveMaxPooling1D(outputSize: 2, policy: .float32), runtime: .builtinOnly())(
        Tensor(zeros: TensorType(.float32, [1, 0, 2])))
    }
  }
}
