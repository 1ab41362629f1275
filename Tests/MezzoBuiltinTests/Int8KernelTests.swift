import CMezzoBuiltin
import Testing

/// The kernels for products of int8 that this processor can run, of which plans take the first alone.
@Suite struct Int8KernelTests {
  /// Among them the values whose products and sums are the largest.
  private func elements(_ count: Int, _ seed: Int) -> [Int8] {
    (0..<count).map { index in
      switch (index * 31 + seed) % 7 {
      case 0: -128
      case 1: 127
      default: Int8(truncatingIfNeeded: index &* 73 &+ seed)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 13, 16], [1, 4, 7, 64, 511, 512]) func productsAreExact(rows: Int, depth: Int) {
    var (index, columns) = (Int32(0), Int32(0))
    while mezzo_builtin_int8_product(index, Int32(rows), Int64(depth), nil, nil, nil, &columns) == 1 {
      let width = Int(columns)
      for worst in [false, true] {
        let a = worst ? Array(repeating: -128, count: rows * depth) : elements(rows * depth, 1)
        let b = worst ? Array(repeating: -128, count: depth * width) : elements(depth * width, 2)
        var c = [Int32](repeating: 0, count: rows * width)
        _ = mezzo_builtin_int8_product(index, Int32(rows), Int64(depth), a, b, &c, &columns)
        let expected = (0..<rows * width).map { place in
          (0..<depth).reduce(Int32(0)) {
            $0 + Int32(a[place / width * depth + $1]) * Int32(b[$1 * width + place % width])
          }
        }
        #expect(c == expected, "kernel \(index)")
      }
      index += 1
    }
    #expect(index >= 1)
  }
}
