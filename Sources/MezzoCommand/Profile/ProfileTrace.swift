import Mezzo

/// A profile in the format of Chrome's `chrome://tracing`, which Perfetto (ui.perfetto.dev) opens too: complete events (`"X"`)
/// with times in microseconds.
/// Source: the "Trace Event Format" document of the Chromium project.
struct ProfileTrace: Encodable {
  struct Event: Encodable {
    var name: String
    var cat: String
    var ph = "X"
    var ts: Double
    var dur: Double
    var pid = 1
    var tid: Int
    var args: [String: String]
  }

  var traceEvents: [Event]
  var displayTimeUnit = "ns"

  init(_ profile: Profile) {
    traceEvents = zip(profile.runs, profile.calls(of: profile.runs)).flatMap { run, calls in
      let whole = Event(
        name: "plan \(run.plan)", cat: "run", ts: run.begin / 1e3, dur: run.duration / 1e3, tid: run.thread, args: [:])
      return [whole]
        + Flame.layers(calls, of: profile).map { Self.event($0, run.thread, profile) }
    }
  }

  private static func event(_ flame: Flame, _ thread: Int, _ profile: Profile) -> Event {
    var event = Event(
      name: flame.name, cat: "layer", ts: flame.begin / 1e3, dur: (flame.end - flame.begin) / 1e3, tid: thread,
      args: [:])
    if let place = flame.operation {
      let operation = profile.operations[place]
      event.cat = "operation"
      event.args = [
        "backend": "\(operation.backend)/\(operation.rule)", "request": operation.request, "layer": operation.layer,
        "operations": "\(operation.arithmetic)", "bytes": "\(operation.bytes)",
      ]
    }
    return event
  }
}
