public import Core

/// What the finished answers of one kind used and cost together.
///
/// What nobody told stays unknown: such answers are counted beside the sums, and are no part of them. Of an answer that
/// several providers gave, each has its part: its tokens and its cost, and the last one the answer itself.
public struct UsageSum: Sendable, Hashable {
    /// What the answers have in common.
    public var group: Group
    public var answers: Int
    /// Answers, or parts, of which not both the tokens that went in and those that came out are known.
    public var withoutUsage: Int
    /// Answers, or parts, whose tokens are our estimate.
    public var estimated: Int
    /// Sums of the counts that are known; `nil` where no answer told one.
    public var usage: Usage
    /// Answers, or parts, without a known cost.
    public var withoutCost: Int
    /// By currency, in the order of its code.
    public var costs: [Cost]

    /// The things that answers are told apart by; `nil` for one that was not asked for, or that an answer does not say.
    public struct Group: Sendable, Hashable {
        /// When the answers were begun, in UTC, such as `2026-03-09`.
        public var day: String?
        /// The configured name.
        public var provider: String?
        public var model: String?
        /// That of the conversation, which chose the route.
        public var stage: Stage?

        public init(day: String? = nil, provider: String? = nil, model: String? = nil, stage: Stage? = nil) {
            self.day = day
            self.provider = provider
            self.model = model
            self.stage = stage
        }
    }

    public init(
        _ group: Group, answers: Int = 0, withoutUsage: Int = 0, estimated: Int = 0, usage: Usage = Usage(),
        withoutCost: Int = 0, costs: [Cost] = []
    ) {
        self.group = group
        self.answers = answers
        self.withoutUsage = withoutUsage
        self.estimated = estimated
        self.usage = usage
        self.withoutCost = withoutCost
        self.costs = costs
    }

    /// The sum of one answer, or one for each of its spans.
    package static func sums(of answer: Message, in stage: Stage) -> [UsageSum] {
        let whole = AnswerSpan(provider: "", model: "", usage: answer.usage, cost: answer.cost)
        var group = Group(
            day: answer.createdAt.day, provider: answer.provider, model: answer.model, stage: stage)
        guard let last = answer.spans.indices.last else { return [UsageSum(whole, in: group, answers: 1)] }
        return answer.spans.indices.map { place in
            (group.provider, group.model) = (answer.spans[place].provider, answer.spans[place].model)
            return UsageSum(answer.spans[place], in: group, answers: place == last ? 1 : 0)
        }
    }

    private init(_ span: AnswerSpan, in group: Group, answers: Int) {
        self.init(
            group, answers: answers, withoutUsage: span.usage?.input == nil || span.usage?.output == nil ? 1 : 0,
            estimated: span.usage?.isEstimated == true ? 1 : 0, usage: span.usage ?? Usage(),
            withoutCost: span.cost == nil ? 1 : 0, costs: span.cost.map { [$0] } ?? [])
    }

    /// Takes the answers of another sum in; the group stays.
    public mutating func add(_ other: UsageSum) {
        answers += other.answers
        withoutUsage += other.withoutUsage
        estimated += other.estimated
        withoutCost += other.withoutCost
        usage.isEstimated = usage.isEstimated || other.usage.isEstimated
        for count in Self.counts {
            usage[keyPath: count] = Self.sum(usage[keyPath: count], other.usage[keyPath: count])
        }
        for cost in other.costs { add(cost) }
    }

    private mutating func add(_ cost: Cost) {
        guard let index = costs.firstIndex(where: { $0.currency == cost.currency }) else {
            costs.append(cost)
            costs.sort { $0.currency < $1.currency }
            return
        }
        let (micros, overflows) = costs[index].micros.addingReportingOverflow(cost.micros)
        costs[index].micros = overflows ? .max : micros
        costs[index].isEstimated = costs[index].isEstimated || cost.isEstimated
    }

    private static var counts: [WritableKeyPath<Usage, Int?>] {
        [\.input, \.output, \.total, \.reasoning, \.cachedInput, \.cacheWrite]
    }

    /// As SQL adds up: what is unknown is left out, and nothing but unknowns is unknown.
    private static func sum(_ one: Int?, _ other: Int?) -> Int? {
        guard let one, let other else { return one ?? other }
        let (sum, overflows) = one.addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}

extension Sequence<UsageSum> {
    /// The same answers in fewer groups.
    ///
    /// - Parameter coarse: what of a group is left.
    /// - Returns: in no order.
    public func grouped(by coarse: (UsageSum.Group) -> UsageSum.Group) -> [UsageSum] {
        var sums: [UsageSum.Group: UsageSum] = [:]
        for sum in self {
            let group = coarse(sum.group)
            sums[group, default: UsageSum(group)].add(sum)
        }
        return Array(sums.values)
    }
}
