/// Units, labels and signs of clinical notes: data alone, to be extended by a word.
///
/// Sources: symbols of units from The Unified Code for Units of Measure (UCUM, version 2.2, June 2024), in the spelling
/// of notes beside UCUM's own; labels from common use in English-language vital signs, blood gases, scores and routine
/// laboratory reports. Put together for this product in November 2026. Being listed costs a word a moment's wait and
/// being left out costs a cut in an awkward place; neither changes the text.
extension ClinicalWords {
    /// Units, ASCII letters in lower case; compared without regard to case.
    static let units = Set(
        """
        % ‰ ° °c °f ℃ ℉ c f k degc degf degrees degree celsius fahrenheit
        kg hg g dg cg mg mcg µg μg ug ng pg fg gm gms gram grams kilogram kilograms milligram milligrams
        microgram micrograms nanogram nanograms lb lbs pound pounds oz ounce ounces stone
        l dl cl ml µl μl ul nl pl fl cc liter liters litre litres milliliter milliliters millilitre millilitres
        deciliter deciliters decilitre decilitres microliter microliters microlitre microlitres
        km m dm cm mm µm μm um nm inch inches ft foot feet mile miles meter meters metre metres centimeter centimeters
        centimetre centimetres millimeter millimeters millimetre millimetres
        mol kmol mmol µmol μmol umol nmol pmol fmol osm osmol mosm mosmol eq meq µeq μeq ueq mole moles millimoles
        iu miu µiu μiu uiu kiu u mu ku µu μu unit units [iu] [u] kat µkat μkat nkat
        mmhg cmh2o kpa hpa pa bar mbar atm torr
        s sec secs second seconds ms msec min mins minute minutes h hr hrs hour hours d day days wk wks week weeks
        mo mos month months y yr yrs year years y/o yo
        bpm rpm hz khz mhz beats breaths cpm j kj mj cal kcal calories kilocalories w kw v mv kv ma µa μa
        gy cgy mgy sv msv µsv μsv bq kbq mbq gbq ci mci
        tab tabs tablet tablets cap caps capsule capsules pill pills puff puffs drop drops gtt gtts spray sprays
        dose doses vial vials ampoule ampoules amp amps sachet sachets patch patches suppository suppositories
        tsp tbsp teaspoon teaspoons tablespoon tablespoons cup cups pack packs bag bags
        cells cell copies copy cfu hpf lpf fr fg gauge ga dpt diopter diopters pack-years pack-year
        mg% vol% fold times points point
        """.split { $0 == " " || $0 == "\n" }.map(String.init))

    /// Units written in two words: what the first may be.
    static let firstHalves: Set<String> = ["mm", "cm", "°", "deg", "degrees", "beats", "breaths", "pack", "fl"]

    /// And what the second.
    static let secondHalves: Set<String> = ["hg", "h2o", "c", "f", "celsius", "fahrenheit", "/min", "years", "oz"]

    /// Words that a value follows, as they are written, of at most ``longestLabel`` bytes.
    static let labels = Set(
        """
        BP NIBP ABP SBP DBP MAP CVP ICP CPP PAP PCWP HR PR RR T P Temp temp Tmax TMax SpO2 SpO₂ SPO2 spO2 spo2
        SaO2 SaO₂ SvO2 ScvO2 O2 O₂ FiO2 FiO₂ FIO2 PaO2 PaO₂ PaCO2 PaCO₂ pO2 pO₂ pCO2 pCO₂ PO2 PCO2 PEEP EtCO2 ETCO2
        pH PH HCO3 HCO₃ HCO3- BE AG Lactate lactate
        GCS AVPU NEWS NEWS2 MEWS qSOFA SOFA APACHE NIHSS mRS ASA ECOG KPS APGAR Apgar MMSE MoCA PHQ-9 PHQ-2 GAD-7
        TIMI GRACE HEART Wells CURB-65 MELD FIB-4 EF LVEF FEV1 FVC PEF BMI BSA Wt Ht wt ht VAS NRS Braden
        Na Na+ K K+ Cl Cl- Ca Ca2+ Ca++ Mg Mg2+ PO4 Phos BUN Cr Creat eGFR GFR CrCl Glu BG BGL CBG FBG RBG A1c A1C
        HbA1c HbA1C HBA1C Hb Hgb HGB Hct HCT WBC WCC RBC Plt PLT MCV MCH MCHC RDW ANC CRP ESR PCT TSH FT4 T4 T3 fT4
        INR PT PTT aPTT APTT D-dimer Trop TnI TnT hsTnT hsTnI CK CK-MB LDH BNP AST ALT ALP GGT Bili Alb LDL HDL TG TC
        PSA CEA AFP CA-125 hCG ANA RF Fe TIBC B12 PaO2/FiO2 P/F QT QTc QRS PRi LMP EDD GA G q Q x × Age age Day Dose
        dose Rate rate
        """.split { $0 == " " || $0 == "\n" }.map(String.init))

    /// Bytes of the longest label.
    static let longestLabel = labels.reduce(0) { max($0, $1.utf8.count) }

    /// Signs that join what stands on their two sides when one side is a number or a label.
    static let signs: Set<String> = [
        "/", "x", "X", "×", "-", "–", "−", "+", "±", "=", ":", "<", ">", "≤", "≥", "~", "≈", "<=", ">=", "+/-",
    ]
}
