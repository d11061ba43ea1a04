/// What a statement's parameter or a column holds.
public enum Value: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

/// A type that can be bound to a statement's parameter.
///
/// An optional is bound by `nil` as NULL: parameters are `(any Bindable)?`.
public protocol Bindable {
    var value: Value { get }
}

extension Value: Bindable {
    public var value: Value { self }
}

extension Int: Bindable {
    public var value: Value { .integer(Int64(self)) }
}

extension Int64: Bindable {
    public var value: Value { .integer(self) }
}

extension Bool: Bindable {
    /// 1 or 0.
    public var value: Value { .integer(self ? 1 : 0) }
}

extension Double: Bindable {
    public var value: Value { .real(self) }
}

extension String: Bindable {
    public var value: Value { .text(self) }
}

extension [UInt8]: Bindable {
    public var value: Value { .blob(self) }
}
