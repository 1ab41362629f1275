import Mezzo

/// A row of test digits that at least one policy took for another, drawn in shades, with what each policy said.
struct DigitGallery {
  private let demo: Demo
  private let results: [Experiment.Result]
  private let columns: Int
  private let style: Style

  private static let shades = Array("  ░▒▓█")
  /// A digit's 8 pixels of two characters each.
  private static let width = 16

  init(_ demo: Demo, _ results: [Experiment.Result], columns: Int, style: Style) {
    self.demo = demo
    self.results = results
    self.columns = columns
    self.style = style
  }

  func lines() throws -> [String] {
    let test = demo.test
    let labels = test.targets.scalars().map { Int($0) }
    let pixels = test.features.scalars().map { $0 * Double(test.scale) }
    let images = try Tensor(pixels, shape: test.features.shape, dtype: .float32)
    let said = try results.map { try Self.classes($0.model.predict(images)) }
    // Those that most policies miss tell most about the digits, not about the dtypes, and come last.
    let missed = labels.indices.filter { index in said.contains { $0[index] != labels[index] } }
    let margin = Demo.labelWidth + 2
    let fitting = max((columns - margin + 2) / (Self.width + 2), 1)
    let chosen = missed.sorted { misses(said, labels, $0) < misses(said, labels, $1) }.prefix(fitting)
    if chosen.isEmpty { return [] }

    let side = 8
    var lines = ["", style.bold("Hard ones:") + " \(missed.count) of \(labels.count) were missed under some policy"]
    for row in 0..<side {
      let parts = chosen.map { index in
        (0..<side).map { column -> String in
          let value = pixels[(index * side + row) * side + column]
          let shade = Self.shades[min(Int(value * Double(Self.shades.count)), Self.shades.count - 1)]
          return String(repeating: shade, count: 2)
        }.joined()
      }
      lines.append(String(repeating: " ", count: margin) + parts.joined(separator: "  "))
    }
    lines.append(line("is a", chosen.map { ("\(labels[$0])", true) }))
    for (result, classes) in zip(results, said) {
      lines.append(line(result.report.policy, chosen.map { ("\(classes[$0])", classes[$0] == labels[$0]) }))
    }
    return lines
  }

  private func misses(_ said: [[Int]], _ labels: [Int], _ index: Int) -> Int {
    said.count { $0[index] != labels[index] }
  }

  private func line(_ name: String, _ cells: [(text: String, isRight: Bool)]) -> String {
    let texts = cells.map { cell in
      let padded = (String(repeating: " ", count: Self.width / 2 - 1) + cell.text).padded(to: Self.width)
      return cell.isRight ? padded : style.yellow(padded)
    }
    return style.dim(name.padded(to: Demo.labelWidth + 2)) + texts.joined(separator: "  ")
  }

  /// The largest logit of each row.
  private static func classes(_ logits: Tensor) -> [Int] {
    let width = logits.shape.last ?? 1
    let values = logits.scalars()
    return stride(from: 0, to: values.count, by: width).map { start in
      (0..<width).max { values[start + $0] < values[start + $1] } ?? 0
    }
  }
}
