/// JSON that stands in an event stream without `data:`, collected line by line until its brackets are closed.
///
/// Google's servers report an error in mid-answer so: a pretty-printed object between two events.
struct StrayJSON: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var isCollecting = false
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// Whether a line that is no field of an event begins a JSON value: an object, an array, a string, or the end of
    /// one whose beginning was lost.
    static func begins(with line: Span<UInt8>) -> Bool {
        for index in line.indices {
            switch line[index] {
            case 0x20, 0x09: continue
            case 0x7B, 0x7D, 0x5B, 0x22: return true
            default: return false
            }
        }
        return false
    }

    /// - Returns: whether the value is complete with this line.
    mutating func take(_ line: Span<UInt8>) -> Bool {
        if isCollecting { bytes.append(0x0A) }
        isCollecting = true
        bytes.append(copying: line)
        for index in line.indices {
            let byte = line[index]
            if isEscaped {
                isEscaped = false
            } else if isInString {
                if byte == 0x22 { isInString = false }
                if byte == 0x5C { isEscaped = true }
            } else {
                switch byte {
                case 0x22: isInString = true
                case 0x7B, 0x5B: depth += 1
                case 0x7D, 0x5D: depth -= 1
                default: break
                }
            }
        }
        return depth <= 0 && !isInString
    }
}
