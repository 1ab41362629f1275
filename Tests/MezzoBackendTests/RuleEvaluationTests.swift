import MezzoPolicy
import Testing

@testable import MezzoBackend

/// The layouts that a rule may ask for, on operands that lie in memory in every way a view can.
@Suite struct RuleEvaluationTests {
  private func holds(_ text: String, shape: [Int], strides: [Int]) throws -> Bool {
    let signature = try RuleSignature(parsing: "A:f32 -> B:f32")
    let bindings = try signature.bind(
      inputs: [Operand(dtype: .float32, shape: shape, strides: strides)], results: [Operand(dtype: .float32, shape: [])]
    ).get()
    return try RuleExpression(parsing: text, signature: signature).verdict(bindings, threads: 1) == .matches
  }

  @Test(arguments: [
    ("unit(A) and cpu.warp_drive", "cpu.warp_drive"),
    ("(cpu.warp_drive or cpu.flux) and count(A) > 1", "cpu.warp_drive or cpu.flux"),
    ("not cpu.warp_drive", nil), ("count(A) > 4000", nil), ("cpu.warp_drive or unit(A)", nil),
  ])
  func whatTheProcessorLacksIsTold(text: String, unmet: String?) throws {
    let signature = try RuleSignature(parsing: "A:f32 -> B:f32")
    #expect(try RuleExpression(parsing: text, signature: signature).unmetByProcessor == unmet)
  }

  struct Layout: Sendable, CustomTestStringConvertible {
    var name: String
    var shape: [Int]
    var strides: [Int]
    var row: Bool
    var col: Bool
    var contiguous: Bool
    var ld: Int?

    var testDescription: String { name }
  }

  static let layouts = [
    Layout(name: "dense", shape: [3, 4], strides: [4, 1], row: true, col: false, contiguous: true, ld: 4),
    Layout(name: "wider rows", shape: [3, 4], strides: [9, 1], row: true, col: false, contiguous: false, ld: 9),
    Layout(name: "transposed", shape: [3, 4], strides: [1, 3], row: false, col: true, contiguous: false, ld: 3),
    Layout(name: "wider columns", shape: [3, 4], strides: [1, 8], row: false, col: true, contiguous: false, ld: 8),
    Layout(name: "every second column", shape: [3, 4], strides: [8, 2], row: false, col: false, contiguous: false),
    Layout(name: "one row repeated", shape: [3, 4], strides: [0, 1], row: false, col: false, contiguous: false),
    Layout(name: "overlapping rows", shape: [3, 4], strides: [3, 1], row: false, col: false, contiguous: false),
    Layout(name: "backwards", shape: [3, 4], strides: [-4, 1], row: false, col: false, contiguous: false),
    Layout(name: "one row", shape: [1, 4], strides: [4, 1], row: true, col: true, contiguous: true, ld: 4),
    Layout(name: "one column", shape: [3, 1], strides: [1, 1], row: true, col: true, contiguous: true, ld: 1),
    Layout(name: "spread column", shape: [3, 1], strides: [5, 7], row: true, col: false, contiguous: false, ld: 5),
    Layout(name: "spread row", shape: [1, 4], strides: [7, 5], row: false, col: true, contiguous: false, ld: 5),
    Layout(name: "one element", shape: [1, 1], strides: [9, 9], row: true, col: true, contiguous: true, ld: 9),
    Layout(name: "no rows", shape: [0, 4], strides: [4, 1], row: true, col: true, contiguous: true, ld: 4),
    Layout(name: "no columns", shape: [3, 0], strides: [1, 1], row: true, col: true, contiguous: true, ld: 1),
    Layout(name: "stacked", shape: [2, 3, 4], strides: [12, 4, 1], row: true, col: false, contiguous: true, ld: 4),
    Layout(name: "repeated", shape: [2, 3, 4], strides: [0, 4, 1], row: true, col: false, contiguous: false, ld: 4),
    Layout(name: "vector", shape: [4], strides: [1], row: true, col: true, contiguous: true),
    Layout(name: "spread vector", shape: [4], strides: [2], row: false, col: false, contiguous: false),
    Layout(name: "vector of one", shape: [1], strides: [2], row: true, col: true, contiguous: true),
    Layout(name: "scalar", shape: [], strides: [], row: true, col: true, contiguous: true),
  ]

  @Test(arguments: layouts) func layout(layout: Layout) throws {
    func holds(_ text: String) throws -> Bool { try self.holds(text, shape: layout.shape, strides: layout.strides) }
    #expect(try holds("row(A)") == layout.row)
    #expect(try holds("col(A)") == layout.col)
    #expect(try holds("unit(A)") == (layout.row || layout.col))
    #expect(try holds("contiguous(A)") == layout.contiguous)
    #expect(try holds("rank(A) == \(layout.shape.count)"))
    if let ld = layout.ld {
      #expect(try holds("ld(A) == \(ld)"))
    } else {
      // No value: neither a comparison nor its opposite holds.
      #expect(try !holds("ld(A) >= 0"))
      #expect(try !holds("not ld(A) >= 0"))
    }
  }
}
