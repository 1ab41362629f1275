/// Horizontal bars, one a row, each made of parts that become fainter.
struct BarChart {
  struct Row {
    var name: String
    var parts: [Double]
    var value: String
  }

  var frame: Frame
  var title: String
  var rows: [Row]

  private static let nameWidth = 108.0
  private static let valueWidth = 72.0
  private static let titleHeight = 26.0

  func draw(in picture: inout SVGDocument) {
    picture.text(title, x: frame.x, y: frame.y + 12, class: "title")
    let largest = rows.map { $0.parts.reduce(0, +) }.max() ?? 0
    let room = frame.width - Self.nameWidth - Self.valueWidth
    let pitch = (frame.height - Self.titleHeight) / Double(max(rows.count, 1))
    for (index, row) in rows.enumerated() {
      let top = frame.y + Self.titleHeight + Double(index) * pitch
      let middle = top + pitch * 0.5
      picture.text(row.name, x: frame.x, y: middle + 4)
      var x = frame.x + Self.nameWidth
      for (part, size) in row.parts.enumerated() where size > 0 && largest > 0 {
        let width = room * size / largest
        picture.rectangle(
          x: x, y: top + pitch * 0.18, width: width, height: pitch * 0.64, radius: 1.5,
          class: "fill\(index) shade\(part)")
        x += width
      }
      picture.text(row.value, x: x + 8, y: middle + 4, class: "value")
    }
  }
}
