/// Where on the clinician's screen a piece of text belongs.
public enum Panel: String, Sendable, Hashable, CaseIterable {
    /// The detailed analysis.
    case reasoning
    /// The conversational summary.
    case chat
}

/// What a stream is for: a step of the diagnosis workflow in the order the steps run, or a conversation.
public enum Stage: String, Sendable, Hashable, CaseIterable {
    case initial, extraction
    case causalAnalysis = "causal_analysis"
    case validation, diagnosis
    case treatmentPlanning = "treatment_planning"
    case chat, onboarding
}
