import Mezzo

/// A picture being drawn: elements over a sheet that follows the reader's light or dark scheme.
struct SVGDocument {
  enum Anchor: String {
    case start, middle, end
  }

  private let width: Double
  private let height: Double
  private let title: String
  private let css: String
  private var elements: [String] = []

  /// - Parameter css: rules for the classes that elements have.
  init(width: Double, height: Double, title: String, css: String) {
    self.width = width
    self.height = height
    self.title = title
    self.css = css
  }

  /// - Parameter tip: what is shown while the pointer rests on it.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, radius: Double = 2, class name: String, tip: String? = nil
  ) {
    elements.append(
      "<rect \(Self.attributes(["x": x, "y": y, "width": max(width, 0), "height": max(height, 0), "rx": radius])) "
        + "class=\"\(name)\"" + (tip.map { "><title>\(Self.escaped($0))</title></rect>" } ?? "/>"))
  }

  mutating func line(from start: (x: Double, y: Double), to end: (x: Double, y: Double), class name: String) {
    elements.append(
      "<line \(Self.attributes(["x1": start.x, "y1": start.y, "x2": end.x, "y2": end.y])) class=\"\(name)\"/>")
  }

  mutating func curve(_ points: [(x: Double, y: Double)], class name: String) {
    let places = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
    elements.append("<polyline points=\"\(places)\" class=\"\(name)\"/>")
  }

  mutating func text(_ text: String, x: Double, y: Double, anchor: Anchor = .start, class name: String = "label") {
    elements.append(
      "<text \(Self.attributes(["x": x, "y": y])) text-anchor=\"\(anchor.rawValue)\" class=\"\(name)\">"
        + "\(Self.escaped(text))</text>")
  }

  var description: String {
    let size = "\(Self.number(width)) \(Self.number(height))"
    let head = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" width="\(Self.number(width))" \
      height="\(Self.number(height))" role="img">
      <title>\(Self.escaped(title))</title>
      <style>
      \(css)
      </style>
      """
    return ([head] + elements + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private static func attributes(_ values: KeyValuePairs<String, Double>) -> String {
    values.map { "\($0)=\"\(number($1))\"" }.joined(separator: " ")
  }

  /// A tenth of a pixel is seen by nobody.
  private static func number(_ value: Double) -> String {
    let text = Format.fixed(value.isFinite ? value : 0, 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      default: String(character)
      }
    }.joined()
  }
}
