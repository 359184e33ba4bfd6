//! What the exercise says, in one table per language.

use crate::language::Language;

/// The sentences of one language. Values stand in braces: `{seconds}`.
#[derive(Debug)]
pub struct Words {
    /// The language.
    pub language: Language,
    /// What runs.
    pub task: &'static str,
    /// How to look at it.
    pub look: &'static str,
    /// What to find out.
    pub questions: &'static [&'static str],
    /// That the time before is recorded.
    pub before: &'static str,
    /// What to type.
    pub prompt: &'static str,
    /// That the time after is recorded.
    pub after: &'static str,
    /// What is not understood.
    pub unknown: &'static str,
    /// It has been fixed before.
    pub again: &'static str,
    /// The grades.
    pub right: &'static str,
    /// As [`super::grade::Grade::Unshown`].
    pub unshown: &'static str,
    /// As [`super::grade::Grade::Little`].
    pub little: &'static str,
    /// As [`super::grade::Grade::Nothing`].
    pub nothing: &'static str,
    /// The bytes a second that are copied before and now, and how that changed.
    pub saved: &'static str,
    /// That a recording was kept.
    pub kept: &'static str,
    /// The name of the right one, where none was fixed.
    pub solution: &'static str,
    /// What all three did.
    pub explanation: &'static str,
}

impl Words {
    /// Those of a language.
    #[must_use]
    pub const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &ENGLISH,
            Language::Zh => &CHINESE,
        }
    }

    /// The sentences, to compare languages.
    #[must_use]
    pub fn entries(&self) -> Vec<&'static str> {
        let Self {
            language: _,
            task,
            look,
            questions,
            before,
            prompt,
            after,
            unknown,
            again,
            right,
            unshown,
            little,
            nothing,
            saved,
            kept,
            solution,
            explanation,
        } = self;
        let one = [
            task,
            look,
            before,
            prompt,
            after,
            unknown,
            again,
            right,
            unshown,
            little,
            nothing,
            saved,
            kept,
            solution,
            explanation,
        ];
        one.into_iter().chain(*questions).copied().collect()
    }
}

/// English.
pub static ENGLISH: Words = Words {
    language: Language::En,
    task: "Three programs run now: alpha, beta and gamma. One of them makes the CPU copy far more than it has to.",
    look: "Look at them in another terminal:",
    questions: &[
        "Which one copies most? It is neither the one that moves most bytes nor the one with most calls.",
        "On which path does it copy, and how often each byte?",
        "Which call would move the same bytes without a copy?",
    ],
    before: "Recording how it is now ({seconds} s)...",
    prompt: "Type the name of the program to fix (alpha, beta or gamma), or quit:",
    after: "Recording how it is with the fix ({seconds} s)...",
    unknown: "Expected alpha, beta, gamma or quit.",
    again: "That one is fixed already.",
    right: "Right: that was the one.",
    unshown: "That was the one, but the figures do not show it: is this machine very busy? Run the exercise again.",
    little: "It did copy, but little: another one copies far more. Sort by COPIED/s, not by calls.",
    nothing: "Nothing was saved: it moved its bytes by reference before, too. Bytes moved are not bytes copied.",
    saved: "Copied by the three: {before} before, {after} now: {change}",
    kept: "  {size} in '{path}'",
    solution: "The right one would have been {name}.",
    explanation: "One program read into memory and wrote to a pipe (two copies of each byte), one spliced from its file to \
                  the pipe (references, most bytes), and one wrote small pieces of a mapped file (one copy, most calls). \
                  The fix is splice.",
};

/// Chinese, in simplified characters.
pub static CHINESE: Words = Words {
    language: Language::Zh,
    task: "现在有三个程序在运行：alpha、beta 和 gamma。其中一个让 CPU 拷贝得远远多于必要。",
    look: "在另一个终端里观察它们：",
    questions: &[
        "哪一个拷贝最多？既不是搬运字节最多的，也不是调用次数最多的。",
        "它在哪条路径上拷贝？每个字节拷贝几次？",
        "用哪个调用可以不经拷贝搬运同样的字节？",
    ],
    before: "正在记录现在的情况 ({seconds} 秒)...",
    prompt: "输入要修复的程序的名字 (alpha、beta 或 gamma)，或 quit：",
    after: "正在记录修复后的情况 ({seconds} 秒)...",
    unknown: "应为 alpha、beta、gamma 或 quit。",
    again: "这一个已经修复过了。",
    right: "正确：就是这一个。",
    unshown: "就是这一个，但数值没有显示出来：这台机器很忙吗？请再做一次练习。",
    little: "它确实拷贝，但很少：另一个拷贝得多得多。请按 COPIED/s 排序，不要按调用次数。",
    nothing: "什么也没有省下：它之前也是以引用方式搬运。搬运的字节不等于拷贝的字节。",
    saved: "三个程序的拷贝：之前 {before}，现在 {after}：{change}",
    kept: "  已写入 '{path}'：{size}",
    solution: "正确的是 {name}。",
    explanation: "一个程序读入内存再写入管道 (每个字节拷贝两次)，一个从文件 splice 到管道 (传递引用，字节最多)，一个写出映射文件的小块 \
                  (拷贝一次，调用最多)。修复方法是 splice。",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::placeholders;

    #[test]
    fn the_languages_have_the_same_sentences_and_placeholders() {
        let [english, chinese] = [Language::En, Language::Zh].map(|it| Words::of(it).entries());
        assert_eq!(english.len(), chinese.len());
        for (english, chinese) in english.into_iter().zip(chinese) {
            assert_eq!(placeholders(english), placeholders(chinese), "{english}");
            assert!(!chinese.is_empty() && chinese != english, "not translated: {english}");
        }
    }
}
