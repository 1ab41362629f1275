import Dispatch

/// Runs `body` on as many threads at once, whatever the number of processors, and waits for all.
func concurrently(_ threads: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let group = DispatchGroup()
  let start = DispatchSemaphore(value: 0)
  for thread in 0..<threads {
    DispatchQueue(label: "thread \(thread)").async(group: group) {
      start.wait()
      body(thread)
    }
  }
  for _ in 0..<threads { start.signal() }
  group.wait()
}
